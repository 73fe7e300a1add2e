"""A run of Weights & Biases, kept offline in the folder wandb/ of the run directory.

`wandb sync RUN/wandb/offline-run-*` sends it when it has ended. Nothing is sent while it trains.
"""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gan.files import read_bytes, storage, subfolder, write_atomically
from gan.runs.loggers.logger import Logger, Start, Write


@contextlib.contextmanager
def offline_run(start: Start) -> Iterator[Write]:
    """An offline run that holds the whole log, in place of those of earlier starts.

    All starts have one id, so that a run that was sent before is replaced, not doubled.
    """
    import wandb

    folder = subfolder(start.path, "wandb")
    identity = _identity(folder / "run_id")
    for earlier in folder.glob(f"offline-run-*-{identity}"):
        with storage(earlier):
            shutil.rmtree(earlier)
    run = wandb.init(
        id=identity,
        name=start.path.name,
        project=os.environ.get("WANDB_PROJECT", "gan"),
        config=dict(start.config),
        dir=str(start.path),
        mode="offline",
        reinit="create_new",
        settings=wandb.Settings(console="off", silent=True, x_disable_stats=True),
    )

    def write(record: Mapping[str, Any]) -> None:
        numbers = {name: value for name, value in record.items() if name != "step"}
        run.log(numbers, step=record["step"])

    try:
        for record in start.records:
            write(record)
        yield write
    except BaseException:
        run.finish(exit_code=1)
        raise
    run.finish()


def _identity(path: Path) -> str:
    """Of the run, kept beside its files."""
    with contextlib.suppress(OSError):
        kept = read_bytes(path).decode("ascii", "replace").strip()
        if kept.isalnum():
            return kept
    fresh = secrets.token_hex(8)
    write_atomically(path, fresh)
    return fresh


wandb = Logger(
    help="a run of Weights & Biases, kept offline in RUN/wandb",
    open=offline_run,
    package="wandb",
    extra="wandb",
)
