"""A standard error that may have no reader left."""

from typing import TextIO


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
