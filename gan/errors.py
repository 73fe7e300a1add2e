"""The errors that end a command, each with its own exit status.

A command line turns any of these into one or two lines on stderr and the class's `status`;
everything else is a defect of the program and keeps its traceback.

Beside these, a command that a signal ends has the status 128 plus the number of the signal (see
gan.signals), and 141 (128 plus SIGPIPE's) when nobody reads its standard output any more.
"""


class GanError(Exception):
    """Base of the errors that a command reports without a traceback."""

    status = 1


class UserError(GanError, ValueError):
    """A mistake of the caller's: what was wrong, and what is allowed."""

    status = 2


class CheckpointError(GanError):
    """No checkpoint of a run directory can be trusted, or the one asked for cannot."""

    status = 3


class NonFiniteError(GanError):
    """A number became NaN or infinite; the message names the step and the quantity."""

    status = 4


class LockedError(GanError):
    """Another process is writing to the run directory; the message names it."""

    status = 5


class StorageError(GanError):
    """The run directory cannot be written (disk full, no permission); the path is named."""

    status = 6


class PrecisionError(GanError):
    """A value that was promised exact could not be proved to rounding; how far it is, is said."""

    status = 7
