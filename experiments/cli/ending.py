"""How a command ends: what it printed has left the process, or the exit status says why not."""

import contextlib
import os
import select
import sys
from typing import TextIO

from gan import files
from gan.errors import StorageError

CLOSED_PIPE = 128 + 13
"""Exit status when the reader of the standard output has gone, as after SIGPIPE."""


class Unheard:
    """The stream, but for its failures: progress that nobody can see is no reason to end a run.

    A terminal that was closed, or the end of a pipe whose reader is gone, refuses every write; the
    run must go on, or save before it ends.
    """

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes if it is possible; the number of characters that were given."""
        try:
            self._stream.write(text)
        except OSError:
            pass
        return len(text)

    def flush(self) -> None:
        """Flushes if it is possible."""
        try:
            self._stream.flush()
        except OSError:
            pass

    def __getattr__(self, name: str):
        return getattr(self._stream, name)


def refused(error: OSError) -> int:
    """Exit status for an error of the system that no writer has put into words; raises it again if
    it is none of storage. Writers name their paths, so the standard streams are left without."""
    if isinstance(error, BrokenPipeError) and _reader_gone():
        return CLOSED_PIPE
    if error.filename is not None:
        tell(f"cannot read or write {os.fsdecode(error.filename)}: {error.strerror}")
    elif error.errno in files.REFUSALS:
        tell(f"cannot write the standard output: {error.strerror}")
    else:
        raise error
    return StorageError.status


def _reader_gone() -> bool:
    """Whether the standard output or error is a pipe that nobody reads any more."""
    pipes = select.poll()
    for descriptor in (1, 2):
        pipes.register(descriptor, 0)
    return any(event & select.POLLERR for _, event in pipes.poll(0))


def delivered(status: int | str | None) -> int | str | None:
    """The exit status, once all that was printed has left the process: CLOSED_PIPE where its reader
    has gone, StorageError's where it cannot be written, unless something failed before."""
    try:
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        failed = CLOSED_PIPE
    except OSError as error:
        tell(f"cannot write the standard output: {error.strerror}")
        failed = StorageError.status
    # What is left in the buffer must go somewhere, or the interpreter would complain at its end.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return status or failed


def tell(text: str) -> None:
    """One error on stderr, if anybody can read it there."""
    with contextlib.suppress(OSError):
        print(f"error: {text}", file=sys.stderr)
