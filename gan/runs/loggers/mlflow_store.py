"""A run in a store of MLflow: RUN/mlflow.db, or the one that MLFLOW_TRACKING_URI names.

`mlflow ui --backend-store-uri sqlite:///RUN/mlflow.db` shows it. The store is SQLite, since MLflow
refuses new stores of plain files. MLflow keeps every value it is given, so a record is written only
if the store does not have its step yet: a run continues with the same bits, and what is there is
what would be written again.
"""

import contextlib
import logging
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gan import files
from gan.errors import UserError
from gan.runs.loggers.logger import Logger, Start, Write

KEPT = "mlflow.json"
"""Where the run directory says which run of which store is its own."""

DATABASE = "mlflow.db"


@contextlib.contextmanager
def store_run(start: Start) -> Iterator[Write]:
    """The run's own run in the store, made at its first start; it ends as finished at the last
    step, as killed before."""
    from mlflow import MlflowClient

    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    uri = os.environ.get("MLFLOW_TRACKING_URI") or _own(start.path)
    client = MlflowClient(tracking_uri=uri)
    run_id = _found(client, uri, start) or _made(client, uri, start)
    reached = _reached(client, run_id)

    def write(record: Mapping[str, Any]) -> None:
        nonlocal reached
        if record["step"] > reached:
            client.log_batch(run_id, metrics=_metrics(record))
            reached = record["step"]

    try:
        for record in start.records:
            write(record)
        yield write
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id, "FINISHED" if reached >= start.config["steps"] else "KILLED")


def _own(path: Path) -> str:
    from sqlalchemy.engine import URL

    return URL.create("sqlite", database=str(path / DATABASE)).render_as_string()


def _found(client, uri: str, start: Start) -> str | None:
    """The id of the run that an earlier start made in this store, running again."""
    from mlflow.exceptions import MlflowException

    try:
        kept = files.read_sealed(start.path / KEPT)
    except UserError:
        return None
    if kept.get("tracking_uri") != uri:
        return None
    try:
        client.update_run(kept["run_id"], status="RUNNING")
    except MlflowException:  # somebody has deleted it
        return None
    return kept["run_id"]


def _made(client, uri: str, start: Start) -> str:
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "gan")
    experiment = client.get_experiment_by_name(name)
    if experiment is not None:
        number = experiment.experiment_id
    else:
        own = (start.path / "mlartifacts").as_uri() if uri == _own(start.path) else None
        number = client.create_experiment(name, artifact_location=own)
    run_id = client.create_run(number, run_name=start.path.name).info.run_id
    for field, value in start.config.items():
        client.log_param(run_id, field, value)
    kept = files.seal({"tracking_uri": uri, "run_id": run_id})
    files.write_json(start.path / KEPT, kept)
    return run_id


def _reached(client, run_id: str) -> int:
    """The last step that the store has; a record is one batch, hence there whole or not at all."""
    latest = client.get_run(run_id).data.metrics
    steps = [m.step for name in latest for m in client.get_metric_history(run_id, name)]
    return max(steps, default=-1)


def _metrics(record: Mapping[str, Any]) -> list[Any]:
    from mlflow.entities import Metric

    now = int(1000 * time.time())
    return [
        Metric(name, float(value), now, record["step"])
        for name, value in record.items()
        if name != "step"
    ]


mlflow = Logger(
    help="a run of MLflow, in the SQLite store RUN/mlflow.db or in $MLFLOW_TRACKING_URI",
    open=store_run,
    package="mlflow",
    extra="mlflow",
)
