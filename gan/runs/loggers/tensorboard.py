"""TensorBoard event files in the folder tensorboard/ of the run directory."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from gan.files import subfolder
from gan.runs.loggers.logger import Logger, Start, Write


@contextlib.contextmanager
def events(start: Start) -> Iterator[Write]:
    """A file of its own for every start, which holds the whole log and hides all earlier files.

    What a killed process had not flushed is in the log, hence in the next file.
    """
    import tensorboardX

    folder = str(subfolder(start.path, "tensorboard"))
    with tensorboardX.SummaryWriter(folder, purge_step=0) as writer:

        def write(record: Mapping[str, Any]) -> None:
            for name, value in record.items():
                if name != "step":
                    writer.add_scalar(name, value, record["step"])

        for record in start.records:
            write(record)
        yield write


tensorboard = Logger(
    help="TensorBoard event files, in RUN/tensorboard",
    open=events,
    package="tensorboardX",
    extra="tensorboard",
)
