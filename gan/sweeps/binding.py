"""A directory holds one sweep: what its table depends on is fixed by the first start."""

import json
import os
from pathlib import Path
from typing import Any

from gan import config as configs
from gan import earlier, files
from gan.errors import UserError
from gan.sweeps.driver import Plan

SETTINGS = ("space", "sampler", "sampler_seed", "batch", "rank_by", "trials", "base")


def load(folder: Path) -> dict[str, Any] | None:
    """The settings in sweep.json; None if there is none.

    Raises:
        UserError: it is damaged.
    """
    path = folder / "sweep.json"
    if not os.path.lexists(path):
        return None
    remedy = "delete it and give the whole command again"
    try:
        saved = files.read_sealed(path)
    except UserError as error:
        raise UserError(f"{error}; {remedy}") from error
    if set(saved) != set(SETTINGS):
        raise UserError(f"{path} does not hold the settings of a sweep; {remedy}")
    saved["rank_by"] = earlier.name(saved["rank_by"])
    if "metrics" in saved["base"]:
        saved["base"]["metrics"] = list(map(earlier.name, saved["base"]["metrics"]))
    return saved


def bind(folder: Path, plan: Plan) -> Plan:
    """The plan, fixed in sweep.json at the first start; later ones may only add trials.

    Raises:
        UserError: the folder holds another sweep, and which of its settings differ; or a run.
    """
    path = folder / "sweep.json"
    kept = {
        path: value for path, value in _plain(plan.base).items() if path not in plan.space.fields
    }
    settings = {
        "space": plan.space.source,
        "sampler": plan.sampler,
        "sampler_seed": plan.sampler_seed,
        "batch": plan.batch,
        "rank_by": plan.score,
        "trials": plan.trials,
        "base": kept,
    }
    saved = load(folder)
    if saved is not None:
        most = max(plan.trials, saved["trials"])
        settings["trials"], plan = most, plan._replace(trials=most)
        changed = [
            f"{name}: {json.dumps(was)} -> {json.dumps(now)}"
            for name, was, now in _pairs(saved, settings)
            if was != now and name != "trials"
        ]
        if changed:
            lines = [f"{folder} holds another sweep; choose another --workdir, or its values:"]
            lines += changed[:2]
            if len(changed) > 2:
                lines[-1] += f"; and {len(changed) - 2} more"
            raise UserError("\n".join(lines))
        if settings == saved:
            return plan
    elif (folder / "checkpoints").exists():
        raise UserError(f"{folder} is a run directory; choose another --workdir for a sweep")
    files.write_json(folder / "config.json", configs.to_dict(plan.base))
    files.write_json(path, files.seal(settings))
    return plan


def _pairs(saved: dict, settings: dict):
    """(name, saved value, asked value) of every setting, the base's field by field."""
    for name in settings:
        if name != "base":
            yield name, saved.get(name), settings[name]
    # A field that was added later had its default before.
    default = _plain(configs.Config())
    for name in sorted(saved["base"].keys() | settings["base"]):
        was = saved["base"].get(name, default.get(name) if name in settings["base"] else None)
        yield name, was, settings["base"].get(name)


def _plain(config: configs.Config) -> dict[str, Any]:
    """Every field by its path, as JSON has it."""
    values = configs.flatten(config)
    return {path: list(v) if isinstance(v, tuple) else v for path, v in values.items()}
