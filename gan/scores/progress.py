"""Progress of what may take long, on stderr; nothing is shown of what is soon done."""

import sys
from collections.abc import Iterable, Iterator

from tqdm import tqdm

PATIENCE = 5
"""Seconds before anything is shown."""


def progress(steps: Iterable, what: str, unit: str) -> Iterator:
    """The steps, counted on stderr with time left once they have taken PATIENCE seconds."""
    return tqdm(
        steps,
        desc=what,
        unit=unit,
        delay=PATIENCE,
        leave=False,
        mininterval=0.5 if sys.stderr.isatty() else 20,
        dynamic_ncols=True,
    )
