"""Names that earlier versions wrote into files, and what these numbers are called now.

Whatever reads such a file passes it through here, so that the rest of the code knows one name for
one thing. What is written has the present names.
"""

from collections.abc import Mapping
from typing import Any

RENAMED = {
    "yardstick_share": "reference_share",
    "own_share": "reference_share",
    "unserved": "missed_share",
}
"""Present names by earlier ones."""


def name(written: str) -> str:
    """What a name of a file is called now.

    >>> name("unserved"), name("w1")
    ('missed_share', 'w1')
    """
    return RENAMED.get(written, written)


def values(written: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a file under present names, that of the objects inside it too.

    >>> values({"n": 8, "proportions": {"unserved": 0.5}})
    {'n': 8, 'proportions': {'missed_share': 0.5}}
    """
    return {
        name(key): values(value) if isinstance(value, Mapping) else value
        for key, value in written.items()
    }
