"""A measurement by a command of this project, in a process of its own that started with nothing."""

import json
import subprocess
import sys

from gan.errors import UserError


def measured(what: str, command: str, arguments: list, limit: float | None) -> dict | None:
    """What a command prints, as JSON in its last line.

    Args:
        what: the error says before its reason, as in "product at 64".
        command: the experiment, as in "growth".
        arguments: its flags and their values.
        limit: seconds that the process may take; None for any.

    Returns:
        The object, or None when the process ran past the limit.

    Raises:
        UserError: the command failed; with its last words.
    """
    own = [sys.executable, "-m", f"experiments.{command}", *map(str, arguments)]
    try:
        done = subprocess.run(own, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        raise UserError(f"{what}: {reason.removeprefix('error: ')}")
    return json.loads(done.stdout.splitlines()[-1])
