"""A mirror of the metrics log as TensorBoard event files, for those who look there."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gan.errors import UserError
from gan.files import subfolder


@contextlib.contextmanager
def mirror(path: Path, step: int) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A function, inside the `with`, that writes log records to path/tensorboard.

    A record is {"step": int, name: number, ...}.

    Args:
        path: run directory.
        step: the run continues after this step; later events of earlier starts are hidden.

    Raises:
        UserError: if tensorboardX is not installed.
    """
    try:
        import tensorboardX
    except ImportError as error:
        raise UserError(
            "--tensorboard needs tensorboardX: pip install 'gan[tensorboard]'"
        ) from error
    folder = str(subfolder(path, "tensorboard"))

    with tensorboardX.SummaryWriter(folder, purge_step=step + 1) as writer:

        def write(record: Mapping[str, Any]) -> None:
            for name, value in record.items():
                if name != "step":
                    writer.add_scalar(name, value, record["step"])

        yield write
