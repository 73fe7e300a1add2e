"""Prints constraints that hold every dependency at the lowest version that setup.py allows.

What setup.py does not name stays at its tested version, so that a release elsewhere changes
nothing here: `python .ci/minimum.py constraints.txt EXTRA ... > minimum.txt`, where gan is
installed.
"""

import sys
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FOLLOWERS = {"jaxlib"}
"""Packages whose version another's decides."""


def lowest(extras: set[str]) -> dict[str, str]:
    """The lower bound of each requirement of gan and of these extras, by name.

    Raises:
        SystemExit: a requirement has no lower bound.
    """
    bounds = {}
    for text in metadata.requires("gan"):
        requirement = Requirement(text)
        if requirement.marker and not any(
            requirement.marker.evaluate({"extra": extra}) for extra in extras
        ):
            continue
        versions = [each.version for each in requirement.specifier if each.operator == ">="]
        if len(versions) != 1:
            sys.exit(f"setup.py gives no lower bound in {text!r}")
        bounds[canonicalize_name(requirement.name)] = versions[0]
    return bounds


def main(tested: str, *extras: str) -> None:
    bounds = lowest(set(extras))
    print(*(f"{name}=={version}" for name, version in bounds.items()), sep="\n")
    with open(tested, encoding="utf-8") as file:
        pins = (line.split("#")[0].strip() for line in file)
        for pin in filter(None, pins):
            if canonicalize_name(Requirement(pin).name) not in bounds.keys() | FOLLOWERS:
                print(pin)


if __name__ == "__main__":
    main(*sys.argv[1:])
