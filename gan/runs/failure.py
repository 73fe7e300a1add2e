"""failure.json: why a run ended before its last step.

It stands beside a run's other files when a number ceased to be finite while others were trained
with it: {"message": step and quantities}. The same config would fail again, so it is not tried
again.
"""

import os
from pathlib import Path

from gan import files

FAILURE = "failure.json"


def failure(workdir: str | os.PathLike[str]) -> str | None:
    """Why the run in a directory ended before its last step; None if it did not.

    Raises:
        UserError: the file is unreadable.
    """
    path = Path(workdir) / FAILURE
    return files.read_json(path)["message"] if path.exists() else None
