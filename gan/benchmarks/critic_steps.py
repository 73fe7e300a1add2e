"""Trainings whose critic steps per round are fixed, or chosen by the critic's certificate.

All have the same arithmetic to spend, counted as gan.benchmarks.workloads counts it, so that a
round with five critic steps leaves fewer rounds than one with two. The certificate is that of the
validation split: a critic that proves less than as many other real examples would (the reference)
gets more steps, and one that proves far more gets fewer.
"""

import dataclasses
from collections.abc import Callable, Iterator

import jax
import numpy as np

from gan import training
from gan.benchmarks import workloads
from gan.config import Config
from gan.errors import NonFiniteError
from gan.referee.probe import Probe
from gan.training.state import start

STEPS = (1, 2, 5)
"""Critic steps of a round, to choose from."""

FAR = 2.0
"""A critic that proves more than so many times the reference gets fewer steps."""


@dataclasses.dataclass(frozen=True)
class Point:
    """A training after a part of its arithmetic.

    Attributes:
        gflop: spent.
        rounds: generator steps.
        n_critic: critic steps of the rounds that led here.
        share, reference: what the critic proves of W1 on the validation split, and what the
            reference critic does.
        w1_debiased: of the moving average, on the test split.
    """

    gflop: float
    rounds: int
    n_critic: int
    share: float
    reference: float
    w1_debiased: float


def following(now: int, share: float, reference: float) -> int:
    """Critic steps of the next rounds, of STEPS.

    >>> following(2, 0.1, 0.2), following(2, 0.3, 0.2), following(2, 0.5, 0.2)
    (5, 2, 1)
    >>> following(5, 0.1, 0.2), following(1, 0.5, 0.2)
    (5, 1)
    """
    place = STEPS.index(now)
    if share < reference:
        return STEPS[min(place + 1, len(STEPS) - 1)]
    if share > FAR * reference:
        return STEPS[max(place - 1, 0)]
    return now


class Trainer:
    """One config with every number of critic steps, compiled once for all seeds."""

    def __init__(self, config: Config, dataset):
        self.config, self.dataset = config, dataset
        self.games = {
            n: training.make_game(dataclasses.replace(config, n_critic=n), dataset, 1)
            for n in STEPS
        }
        game = self.games[STEPS[0]]
        self.data, _ = game.feed.load(0)
        self.chunks = {
            n: each.chunk.lower(each.state, each.hyper, self.data, np.int32(0)).compile()
            for n, each in self.games.items()
        }
        self.cost = {
            n: workloads.gflop(
                dataclasses.replace(config, n_critic=n), game.generator, game.critic, dataset.shape
            )
            for n in STEPS
        }
        """GFLOP of a round."""
        players = game.generator, game.critic
        self.validation = Probe.of(config, dataset, *players, "validation")
        self.test = Probe.of(config, dataset, *players, "test")

    def points(
        self, seed: int, choose: Callable[[int, float, float], int], first: int, parts: list[float]
    ) -> Iterator[Point]:
        """Trains and yields a point at the end of each part.

        Args:
            seed: of the training.
            choose: critic steps of the next part, from those of this one and both shares.
            first: critic steps of the first part.
            parts: GFLOP of each part.

        Raises:
            NonFiniteError: the training diverged.
        """
        game, n = self.games[first], first
        state = start(dataclasses.replace(self.config, seed=seed), game.generator, game.critic)
        spent, due, rounds = 0.0, 0.0, 0
        for part in parts:
            due += part
            more = max(1, round((due - spent) / self.cost[n]))
            rounds, spent = rounds + more, spent + more * self.cost[n]
            state, metrics = self.chunks[n](state, game.hyper, self.data, np.int32(rounds))
            if not all(np.isfinite(value) for value in jax.device_get(metrics).values()):
                raise NonFiniteError(f"round {int(state.step)} with {n} critic steps")
            look = self.validation.look(state.average, state.critic)
            share, reference = look.certificate.share, look.reference_certificate.share
            reached = self.test.look(state.average).distance.debiased
            yield Point(spent, rounds, n, share, reference, reached)
            n = choose(n, share, reference)
