"""The pages about the library, from its docstrings: one for every room."""

import pkgutil
from pathlib import Path

import gan

ROOMS = {
    "gan": "the public face: train, evaluate, load",
    "gan.config": "every choice that a run depends on",
    "gan.presets": "named configurations",
    "gan.data": "data sets by name",
    "gan.networks": "generators and critics by name",
    "gan.objectives": "losses and penalties by name",
    "gan.training": "what is pure and jitted: the state, the round, the loop",
    "gan.primal": "generators trained by transport itself",
    "gan.transport": "exact optimal transport with certificates",
    "gan.referee": "honest distances, and what a critic proves",
    "gan.scores": "every number that an evaluation reports",
    "gan.games": "small games with known theory",
    "gan.runs": "the run directory",
    "gan.runner": "train, resume, evaluate, sample as functions",
    "gan.sweeps": "many runs and their ranking",
    "gan.reports": "figures, tables and pages",
    "gan.registry": "names of entries, yours and ours",
    "gan.errors": "errors and exit statuses",
}

PRIVATE = ("gan.scores.conformance", "gan.benchmarks")
"""Rooms that are no library for others: machinery of single commands."""


def pages() -> dict[str, str]:
    """Text by path."""
    rows = "\n".join(f"- [`{room}`]({_name(room)}): {what}" for room, what in ROOMS.items())
    index = (
        "# Library\n\n`import gan` shows five names: `train`, `evaluate`, `load`, and the modules "
        "`referee` and `transport`, beside `Config`, `config` and `presets`. Everything else has "
        f"a page here too.\n\n{rows}\n"
    )
    return {"library/index.md": index} | {
        f"library/{_name(room)}": f"# {room}\n\n{what[0].upper()}{what[1:]}.\n\n{_modules(room)}"
        for room, what in ROOMS.items()
    }


def _name(room: str) -> str:
    return f"{room.replace('.', '_')}.md" if room == "gan" else f"{room.removeprefix('gan.')}.md"


def _modules(room: str) -> str:
    """A directive for a room and for every module in it."""
    found = [room]
    folder = Path(gan.__file__).parent.joinpath(*room.split(".")[1:])
    if room != "gan" and folder.is_dir():
        found += [
            info.name
            for info in pkgutil.walk_packages([str(folder)], f"{room}.")
            if not info.name.startswith(PRIVATE)
        ]
    return "\n".join(f"::: {module}\n" for module in found)
