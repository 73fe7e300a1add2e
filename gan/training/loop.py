"""The host loop: runs compiled chunks of rounds and stops where the caller has something to do.

A chunk is one jitted loop whose end is an argument, so no length of chunk compiles twice and the
bits do not depend on where a run is cut. It ends early at the first round with a number that is
not finite.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan.errors import NonFiniteError
from gan.training.feed import Feed
from gan.training.state import Hyperparameters, State

CHUNK_SECONDS = 1.0
"""About as long as a run may take to see that it is to stop. Shorter chunks cost more: after each,
XLA:CPU gives the memory of its temporaries back, to page it in again in the next."""


class Pause(NamedTuple):
    """The runs between two rounds.

    Arrays have one entry per run, [k], for k runs that are trained together, and are scalars for a
    run alone; so has every leaf of `state`.

    Attributes:
        steps: rounds of each run.
        state: after them.
        metrics: of each run's last round.
        moved: whether a run has trained since the pause before and is well.
        fallen: runs that stopped for good since then, each with the step and the quantities that
            were not finite.
    """

    steps: np.ndarray
    state: State
    metrics: dict[str, np.ndarray]
    moved: np.ndarray
    fallen: dict[int, str]

    @property
    def step(self) -> int:
        """Rounds of the run that is furthest behind; of the one there is, for a run alone."""
        return int(np.min(self.steps))


def make_play(play_round: Callable) -> Callable:
    """Pure play(state, hyper, data, stop) -> (state, metrics of the last round).

    Runs rounds while state.step < stop and every metric is finite; metrics are zero after none.
    """

    def play(state: State, hyper: Hyperparameters, data: Any, stop: jax.Array):
        _, shapes = jax.eval_shape(play_round, state, hyper, data)
        zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)

        def unfinished(carry):
            state, metrics = carry
            finite = jnp.all(jnp.array([jnp.isfinite(m) for m in jax.tree.leaves(metrics)]))
            return (state.step < stop) & finite

        def body(carry):
            return play_round(carry[0], hyper, data)

        return jax.lax.while_loop(unfinished, body, (state, zeros))

    return play


def make_chunk(play_round: Callable, shardings=None) -> Callable:
    """Jitted `make_play(play_round)`; the state is donated."""
    return jax.jit(make_play(play_round), donate_argnums=0, out_shardings=shardings)


def next_due(step: int, cadences: Iterable[int], end: int) -> int:
    """First step after `step` that is a multiple of a cadence, at most `end`."""
    return min([end] + [step + cadence - step % cadence for cadence in cadences])


def advance(
    chunk: Callable,
    state: State,
    hyper: Hyperparameters,
    feed: Feed,
    *,
    end: int,
    cadences: Iterable[int],
    fallen: Iterable[int] = (),
    stopping: Callable[[], bool] = lambda: False,
    chunk_seconds: float | None = CHUNK_SECONDS,
    progress: Callable[[int, dict[str, np.ndarray]], None] = lambda step, metrics: None,
) -> Iterator[Pause]:
    """Train until `end`, pausing at every multiple of a cadence, at `end`, and when `stopping()`.

    One run, or several whose states are stacked (see gan.training.population). These may start at
    different steps: those behind catch up while the others wait. One of several with a number that
    is not finite stops, and the others go on.

    Args:
        chunk: of the game or the population, possibly compiled ahead of time.
        state: consumed; the caller continues with the state of the latest pause.
        hyper, feed: see their types.
        end: number of rounds of each run in all.
        cadences: pause at their multiples.
        fallen: runs that are not to be trained.
        stopping: polled between chunks; the last pause is then wherever the runs are.
        chunk_seconds: aim for chunks of this length, so that `stopping` is seen soon; None runs
            from pause to pause, which several processes need to stay in step.
        progress: called after every chunk with the lowest step of the runs that are well, and the
            metrics of their last round.

    Raises:
        NonFiniteError: in a run alone; names the step and the quantities that are NaN or infinite.
    """
    alone, cadences = np.ndim(state.step) == 0, tuple(cadences)
    shaped = (lambda array: array[0].item()) if alone else (lambda array: array)
    steps = np.atleast_1d(np.asarray(state.step))
    well = np.isin(np.arange(len(steps)), list(fallen), invert=True)
    metrics: dict[str, np.ndarray] = {}
    rounds = 1 if chunk_seconds is not None else end
    while np.any(well & (steps < end)):
        before, lost = steps, {}
        due = next_due(int(steps[well].min()), cadences, end)
        while np.any(well & (steps < due)):
            front = int(steps[well].min())
            data, last = feed.load(front)
            stop = min(due, front + rounds, *([last] if last is not None else []))
            stops = np.where(well, np.maximum(steps, stop), steps).astype(np.int32)
            start = time.perf_counter()
            state, latest = chunk(state, hyper, data, stops[0] if alone else stops)
            latest = {name: np.atleast_1d(np.asarray(values)) for name, values in latest.items()}
            if chunk_seconds is not None:
                spent = max(time.perf_counter() - start, 1e-6)
                rounds = max(1, int(chunk_seconds * (stop - front) / spent))
            trained = stops > steps
            steps = np.atleast_1d(np.asarray(state.step))
            for name, values in latest.items():
                metrics[name] = np.where(trained, values, metrics.get(name, values))
            lost |= _not_finite(latest, steps, trained)
            if alone and lost:
                raise NonFiniteError(lost[0])
            well &= ~np.isin(np.arange(len(steps)), list(lost))
            if np.any(well):
                shown = {name: shaped(values) for name, values in metrics.items()}
                progress(int(steps[well].min()), shown)
            if stopping():
                break
        moved = well & (steps > before)
        shown = {name: shaped(values) for name, values in metrics.items()}
        yield Pause(shaped(steps), state, shown, shaped(moved), lost)
        if stopping():
            return


def _not_finite(
    metrics: dict[str, np.ndarray], steps: np.ndarray, trained: np.ndarray
) -> dict[int, str]:
    """The runs that were trained and have a number that is NaN or infinite, and which."""
    found = {}
    for index in map(int, np.flatnonzero(trained)):
        bad = [f"{n} = {v[index]}" for n, v in metrics.items() if not np.isfinite(v[index])]
        if bad:
            found[index] = f"step {steps[index]}: {', '.join(bad)}"
    return found
