"""What each logger keeps, read from its files by code that shares nothing with the logger's."""

import collections
import contextlib


def csv(workdir):
    """The lines of tests.plugin.loggers."""
    found = collections.defaultdict(list)
    for line in (workdir / "log.csv").read_text().splitlines():
        if not line.startswith("#"):
            step, name, value = line.split(",")
            found[int(step), name].append(float(value))
    return found


def tensorboard(workdir):
    """Event files in the order of their names; the start of a session hides what is later."""
    from tensorboardX.proto import event_pb2
    from tensorboardX.record_writer import masked_crc32c

    found = collections.defaultdict(list)
    for path in sorted((workdir / "tensorboard").iterdir()):
        content = path.read_bytes()
        while len(content) >= 12:
            header, length = content[:8], int.from_bytes(content[:8], "little")
            assert int.from_bytes(content[8:12], "little") == masked_crc32c(header)
            if len(content) < 16 + length:  # torn by a kill
                break
            event = event_pb2.Event.FromString(content[12 : 12 + length])
            if event.session_log.status == event_pb2.SessionLog.START:
                for key in [key for key in found if key[0] >= event.step]:
                    del found[key]
            for value in event.summary.value:
                found[event.step, value.tag].append(value.simple_value)
            content = content[16 + length :]
    return found


def mlflow(workdir):
    """Rows of the table of metrics, all of one run."""
    import sqlite3

    found = collections.defaultdict(list)
    with contextlib.closing(sqlite3.connect(workdir / "mlflow.db")) as database:
        rows = database.execute("SELECT run_uuid, step, key, value FROM metrics").fetchall()
    assert len({run for run, *_ in rows}) == 1
    for _, step, name, value in rows:
        found[step, name].append(value)
    return found


def wandb(workdir):
    """Records of history in the one file of the one offline run."""
    import json

    from wandb.proto import wandb_internal_pb2

    found = collections.defaultdict(list)
    (path,) = (workdir / "wandb").glob("offline-run-*/*.wandb")
    for content in _log_records(path.read_bytes()):
        record = wandb_internal_pb2.Record.FromString(content)
        if record.WhichOneof("record_type") != "history":
            continue
        values = {
            item.key or "/".join(item.nested_key): json.loads(item.value_json)
            for item in record.history.item
        }
        step = int(values["_step"])
        for name, value in values.items():
            if not name.startswith("_"):
                found[step, name].append(value)
    return found


def _log_records(content):
    """Records of a log in LevelDB's format: blocks of 32 KiB, each part behind a checksum, its
    length and its kind (whole, first, middle, last); the file begins with 7 bytes of its own."""
    place, parts = 7, b""
    while place + 7 <= len(content):
        left = 32768 - place % 32768
        if left < 7:
            place += left
            continue
        length, kind = int.from_bytes(content[place + 4 : place + 6], "little"), content[place + 6]
        part = content[place + 7 : place + 7 + length]
        if kind == 0 or len(part) < length:  # torn by a kill
            return
        place += 7 + length
        parts = part if kind in (1, 2) else parts + part
        if kind in (1, 4):
            yield parts


READERS = {
    "tensorboard": tensorboard,
    "wandb": wandb,
    "mlflow": mlflow,
    "tests.plugin.loggers:csv": csv,
}
