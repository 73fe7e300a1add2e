"""The pages about the library, from its docstrings: one for every package."""

import pkgutil
from pathlib import Path

import gan

PACKAGES = {
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
"""Packages that are no library for others: machinery of single commands."""


def pages() -> dict[str, str]:
    """Text by path."""
    links = (f"- [`{name}`]({_name(name)}): {what}" for name, what in PACKAGES.items())
    rows = "\n".join(links)
    index = (
        "# Library\n\n`import gan` shows five names: `train`, `evaluate`, `load`, and the modules "
        "`referee` and `transport`, beside `Config`, `config` and `presets`. Everything else has "
        f"a page here too.\n\n{rows}\n"
    )
    return {"library/index.md": index} | {
        f"library/{_name(package)}": f"# {package}\n\n{_sentence(what)}\n\n{_modules(package)}"
        for package, what in PACKAGES.items()
    }


def _sentence(what: str) -> str:
    return f"{what[0].upper()}{what[1:]}."


def _name(package: str) -> str:
    return f"{package.removeprefix('gan.')}.md"


def _modules(package: str) -> str:
    """A directive for a package and for every module in it."""
    found = [package]
    folder = Path(gan.__file__).parent.joinpath(*package.split(".")[1:])
    if package != "gan" and folder.is_dir():
        found += [
            info.name
            for info in pkgutil.walk_packages([str(folder)], f"{package}.")
            if not info.name.startswith(PRIVATE)
        ]
    return "\n".join(f"::: {module}\n" for module in found)
