"""The host loop: runs compiled chunks of rounds and stops where the caller has something to do.

A chunk is one jitted loop whose end is an argument, so no length of chunk compiles twice and the
bits do not depend on where a run is cut. It ends early at the first round with a number that is
not finite.
"""

import math
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
    """The run between two rounds: `state` after `step` rounds, `metrics` of the last of them."""

    step: int
    state: State
    metrics: dict[str, float]


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
    stopping: Callable[[], bool] = lambda: False,
    chunk_seconds: float | None = CHUNK_SECONDS,
    progress: Callable[[int, dict[str, float]], None] = lambda step, metrics: None,
) -> Iterator[Pause]:
    """Train until `end`, pausing at every multiple of a cadence, at `end`, and when `stopping()`.

    Args:
        chunk: from `make_chunk`, possibly compiled ahead of time.
        state: consumed; the caller continues with the state of the latest pause.
        hyper, feed: see their types.
        end: number of rounds in all.
        cadences: pause at their multiples.
        stopping: polled between chunks.
        chunk_seconds: aim for chunks of this length, so that `stopping` is seen soon; None runs
            from pause to pause, which several processes need to stay in step.
        progress: called after every chunk with the step and the metrics of its last round.

    Raises:
        NonFiniteError: naming the step and the quantities that are NaN or infinite.
    """
    cadences = tuple(cadences)
    step = int(state.step)
    rounds = 1 if chunk_seconds is not None else end
    while step < end:
        due = next_due(step, cadences, end)
        while step < due:
            data, last = feed.load(step)
            stop = min(due, step + rounds, *([last] if last is not None else []))
            start = time.perf_counter()
            state, metrics = chunk(state, hyper, data, np.int32(stop))
            metrics = {name: float(value) for name, value in metrics.items()}
            seconds = time.perf_counter() - start
            reached = int(state.step)
            bad = [
                f"{name} = {value}" for name, value in metrics.items() if not math.isfinite(value)
            ]
            if bad:
                raise NonFiniteError(f"step {reached}: {', '.join(bad)}")
            if chunk_seconds is not None:
                rounds = max(1, int(chunk_seconds * (stop - step) / max(seconds, 1e-6)))
            step = reached
            progress(step, metrics)
            if stopping():
                break
        yield Pause(step, state, metrics)
        if stopping():
            return
