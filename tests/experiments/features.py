"""Feature functions that tests name on command lines."""

import os
import time
from pathlib import Path


def never(examples):
    """Says that it was called, in the file that $CALLED names, and never returns."""
    Path(os.environ["CALLED"]).touch()
    while True:
        time.sleep(1)
