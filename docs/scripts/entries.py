"""Tables of what a configuration can name, from the entries themselves."""

from docs.scripts.tables import table
from gan import registries
from gan.registry import Registry

KINDS = {
    "Data sets": (registries.SOURCES, "--data.name"),
    "Presets": (registries.PRESETS, "--preset"),
    "Networks": (registries.ARCHITECTURES, "--generator.name, --critic.name"),
    "Losses": (registries.LOSSES, "--loss"),
    "Penalties": (registries.PENALTIES, "--penalty, --penalty2"),
    "Augmentations": (registries.AUGMENTATIONS, "--augmentations"),
    "Optimisers": (registries.OPTIMIZERS, "--optimizer"),
    "Spaces of sweeps": (registries.SPACES, "--space"),
    "Loggers": (registries.LOGGERS, "--loggers"),
}


def pages() -> dict[str, str]:
    """Text by path."""
    return {"choices.md": "\n".join([INTRODUCTION, *map(_section, KINDS)])}


INTRODUCTION = """# Choices

What the flags of [train](commands/train.md) can name. Any of these goes with any other; the few
pairs that make no sense are refused with the reason. Where a name goes, `package.module:name` of
your own goes as well ([add your own](guides/extend.md)).
"""


def _section(title: str) -> str:
    registry, flag = KINDS[title]
    flags = ", ".join(f"`{each}`" for each in flag.split(", "))
    return f"## {title}\n\nFor {flags}.\n\n{_table(title, registry)}"


def _table(title: str, registry: Registry) -> str:
    if title == "Presets":
        rows = [(f"`{name}`", p.help, p.time(), p.expect) for name, p in registry.items()]
        return table(("name", "what", "time on two cores", "expect"), rows)
    entries = [(f"`{name}`", entry.help, entry.source) for name, entry in registry.items()]
    if any(source for *_, source in entries):
        return table(("name", "what", "source"), entries)
    return table(("name", "what"), [entry[:2] for entry in entries])
