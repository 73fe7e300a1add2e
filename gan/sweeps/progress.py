"""What a sweep shows while it trains: speed, time left, trials ended, the best so far."""

import contextlib
import sys
import time

from tqdm import tqdm

from gan.sweeps import tables
from gan.sweeps.driver import Driver
from gan.sweeps.ledger import FAILED, UNFINISHED


@contextlib.contextmanager
def progress(driver: Driver):
    """told(driver) moves a bar of generator steps, beside it the trials that have ended and the
    best so far."""
    done, total = driver.steps()
    with tqdm(
        total=total,
        initial=done,
        unit="step",
        smoothing=0,
        mininterval=0.5 if sys.stderr.isatty() else 10,
        dynamic_ncols=True,
    ) as bar:

        def told(driver: Driver) -> None:
            if time.monotonic() < told.next and driver.left:
                return
            told.next = time.monotonic() + 0.5
            done, bar.total = driver.steps()
            ended = [row for row in driver.rows if row.state != UNFINISHED]
            failed = sum(row.state == FAILED for row in ended)
            shown = {"trials": f"{len(ended)}/{len(ended) + driver.left}", "failed": failed}
            best = tables.best(driver.rows, driver.plan.score)
            if best is not None:
                shown["best"] = f"{best.result[driver.plan.score]:.4g} (trial {best.number})"
            bar.set_postfix(shown, refresh=False)
            bar.update(done - bar.n)

        told.next = 0.0
        yield told
