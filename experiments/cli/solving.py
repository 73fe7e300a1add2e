"""What a command shows while exact transport is solved."""

import sys


def progress(state: dict) -> None:
    """One line on stderr: time, stage, what of it is left, and the bounds once there are any."""
    done = "" if state["done"] is None else f", {state['done']:.0%}"
    done += "" if state["left"] is None else f", {state['left']:.0f} s left of it"
    bounds = ""
    if state["lower"] is not None:
        bounds = f": {state['lower']:.9g} <= optimum <= {state['upper']:.9g}"
    print(f"{state['seconds']:8.1f} s  {state['stage']}{done}{bounds}", file=sys.stderr)
