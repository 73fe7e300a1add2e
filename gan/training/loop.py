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


def make_chunk(play_round: Callable, shardings=None) -> jax.stages.Wrapped:
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
    front, cadences = _Front(state, fallen), tuple(cadences)
    rounds = 1 if chunk_seconds is not None else end
    while front.behind(end):
        before, lost = front.steps, dict[int, str]()
        due = next_due(front.least, cadences, end)
        while front.behind(due):
            first = front.least
            data, last = feed.load(first)
            stop = min(due, first + rounds, *([last] if last is not None else []))
            stops = front.stops(stop)
            start = time.perf_counter()
            state, latest = chunk(state, hyper, data, stops)
            latest = {name: np.atleast_1d(np.asarray(values)) for name, values in latest.items()}
            if chunk_seconds is not None:
                spent = max(time.perf_counter() - start, 1e-6)
                rounds = max(1, int(chunk_seconds * (stop - first) / spent))
            lost |= front.follow(state, latest, stops)
            if np.any(front.well):
                progress(front.least, front.shown())
            if stopping():
                break
        moved = front.well & (front.steps > before)
        yield Pause(front.shaped(front.steps), state, front.shown(), front.shaped(moved), lost)
        if stopping():
            return


class _Front:
    """Where the runs are and which of them are well; one entry per run, of a run alone too."""

    def __init__(self, state: State, fallen: Iterable[int]):
        self.alone = np.ndim(state.step) == 0
        self.steps = np.atleast_1d(np.asarray(state.step))
        self.well = np.isin(np.arange(len(self.steps)), list(fallen), invert=True)
        self.metrics: dict[str, np.ndarray] = {}

    @property
    def least(self) -> int:
        """Rounds of the run that is furthest behind, of those that are well."""
        return int(self.steps[self.well].min())

    def behind(self, step: int) -> bool:
        """Whether a run that is well has yet to come to `step`."""
        return bool(np.any(self.well & (self.steps < step)))

    def stops(self, step: int) -> np.ndarray:
        """Where the next chunk leaves each run: at `step`, or where it is already."""
        stops = np.where(self.well, np.maximum(self.steps, step), self.steps).astype(np.int32)
        return stops[0] if self.alone else stops

    def follow(
        self, state: State, latest: dict[str, np.ndarray], stops: np.ndarray
    ) -> dict[int, str]:
        """Takes note of a chunk to `stops`: its state and the metrics of its last round, [k] each.

        Returns:
            The runs that fell in it, see `Pause`.

        Raises:
            NonFiniteError: if a run alone did.
        """
        trained = np.atleast_1d(stops) > self.steps
        self.steps = np.atleast_1d(np.asarray(state.step))
        for name, values in latest.items():
            self.metrics[name] = np.where(trained, values, self.metrics.get(name, values))
        lost = _not_finite(latest, self.steps, trained)
        if self.alone and lost:
            raise NonFiniteError(lost[0])
        self.well = self.well & ~np.isin(np.arange(len(self.steps)), list(lost))
        return lost

    def shaped(self, array: np.ndarray) -> Any:
        """An array [k] as callers see it: of a run alone, its number."""
        return array[0].item() if self.alone else array

    def shown(self) -> dict[str, Any]:
        """The metrics as callers see them."""
        return {name: self.shaped(values) for name, values in self.metrics.items()}


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
