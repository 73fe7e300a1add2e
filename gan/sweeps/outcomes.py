"""What became of a trial, kept in its own directory: trial.json, sealed by its checksum.

The trials are the record of a sweep, and its database an index of them that can be made again. So
trial.json holds the result, and hashes of the files that the result is read from; a directory of
which anything was changed, damaged or deleted is found out before its result is believed.
"""

import hashlib
import os
from pathlib import Path
from typing import Any

from gan import config as configs
from gan import earlier, files, runs
from gan.config import Config
from gan.errors import GanError, UserError
from gan.runs import sealed

NAME = "trial.json"
HASHED = ("config.json", "data.json", "metrics.jsonl", "failure.json")


def unseal(value: Any) -> dict[str, Any]:
    """What `gan.files.seal` sealed.

    Raises:
        ValueError: it is not what was sealed, or has no seal.
    """
    if not isinstance(value, dict) or files.CHECKSUM not in value:
        raise ValueError("it has no checksum")
    return files.unseal(value)


def keep(directory: Path, result: dict[str, Any]) -> None:
    """Writes trial.json beside the files that it vouches for."""
    with files.storage(directory):
        directory.mkdir(parents=True, exist_ok=True)
        hashes = _hashes(directory)
    files.write_json(directory / NAME, files.seal({"result": result, "files": hashes}))


def read(directory: Path, config: Config | None) -> dict[str, Any]:
    """The result of an ended trial, all of whose files are as they were when it ended.

    Args:
        directory: of the trial.
        config: of the trial; None if its values go with no config, so that no run was begun.

    Raises:
        ValueError: they are not, or they are another config's; says which.
    """
    path = directory / NAME
    try:
        kept = unseal(files.read_json(path))
        if set(kept) != {"result", "files"}:
            raise ValueError("it is sealed, and holds something else")
    except UserError as error:
        raise ValueError(str(error)) from error
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    for name, digest in (_hashes(directory) | _missing(directory, kept["files"])).items():
        if digest != kept["files"].get(name):
            what = "was changed since the trial ended" if digest else "is gone"
            raise ValueError(f"{directory / name} {what}")
    result = earlier.values(kept["result"])
    if "config.json" in kept["files"]:
        check_config(directory, config)
    if "state_sha256" in result:
        _check_checkpoint(directory, result)
    return result


def check_whole(directory: Path, config: Config, result: dict[str, Any]) -> None:
    """Raises ValueError unless a trained trial's directory holds all that the training made."""
    check_config(directory, config)
    try:
        logged = {record["step"] for record in runs.read(directory).metrics()}
    except UserError as error:
        raise ValueError(str(error)) from error
    due = set(range(config.log_every, config.steps + 1, config.log_every)) | {config.steps}
    if not due <= logged:
        raise ValueError(f"{directory}/metrics.jsonl lacks step {min(due - logged)}")
    _check_checkpoint(directory, result)


def check_config(directory: Path, config: Config | None) -> None:
    """Raises ValueError unless the directory holds a run of this config."""
    try:
        saved = configs.load(str(directory / "config.json"))
    except UserError as error:
        raise ValueError(str(error)) from error
    if saved != config:
        raise ValueError(f"{directory}/config.json is not the config of this trial")


def set_aside(directory: Path) -> str:
    """Moves whatever is at a trial's place to trials.bad/, and says where it is; nothing is
    overwritten."""
    if not os.path.lexists(directory):
        return "nothing is left of it"
    folder = directory.parent
    goal = files.set_aside(directory, folder.with_name(folder.name + ".bad") / directory.name)
    return f"what is left of it is in {goal}"


def _check_checkpoint(directory: Path, result: dict[str, Any]) -> None:
    path = directory / "checkpoints" / str(result["step"])
    try:
        record = sealed.check(path, result["step"])
    except (sealed.BadError, GanError) as error:
        raise ValueError(f"checkpoint {path} is bad: {error}") from error
    if record["tree_hash"] != result["state_sha256"]:
        raise ValueError(f"checkpoint {path} is of another state")


def _hashes(directory: Path) -> dict[str, str]:
    """By name, of those of the files that are there."""
    found = {}
    for name in HASHED:
        path = directory / name
        if os.path.lexists(path):
            found[name] = _file_hash(path)
    return found


def _file_hash(path: Path) -> str:
    if not path.is_file():
        return "no file"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _missing(directory: Path, names) -> dict[str, None]:
    return {name: None for name in names if not os.path.lexists(directory / name)}
