"""The fixed side of every measurement: real sets, latents and compiled functions.

A probe is made once and asked often. Its sets and latents depend on the split and on n only, never
on the run's seed, so that numbers are comparable along a training and between runs. The validation
split chooses checkpoints and is used while training; the test split is reported.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

from gan import transport
from gan.config import Config
from gan.networks import Network
from gan.referee import critics, distances
from gan.referee.critics import Judged
from gan.referee.players import Players, real_sets

RESAMPLES = 40
"""Half-samples behind an interval."""

PERMUTATIONS = 199
"""Relabellings behind a p-value."""


class Probe:
    """Real sets that generated ones are compared with, and the players, if there are any.

    Args:
        real: the held-out set [n, *shape].
        others: at least one other real set [n, *shape].
        players: what makes and judges examples, or stands in for it; None if nothing does.
        gap: relative gap of exact transport that is good enough.

    Attributes:
        n: examples of every set.
        real, others, players, gap: as given.
    """

    def __init__(
        self, real: np.ndarray, others: Sequence[np.ndarray], players=None, gap: float = 0.0
    ):
        self.n = len(real)
        self.real = real
        self.others = list(others)
        self.players = players
        self.gap = gap
        self.reference = distances.reference(real, self.others, gap=gap)

    @classmethod
    def of(cls, config: Config, dataset, generator: Network, critic: Network, split: str):
        """The probe of a run.

        Args:
            config: gives evaluation_size and evaluation_repeats.
            dataset: what gan.data.load returns, with at least four training examples and two of
                the split.
            generator, critic: pure networks.
            split: "validation" or "test".
        """
        repeats = max(2, config.evaluation_repeats)
        sets = real_sets(dataset, split, config.evaluation_size, repeats)
        players = Players(config, dataset, generator, critic, split, sets)
        return cls(sets.real, sets.others, players)

    def look(self, generator_params, critic_params=None) -> Look:
        """The players with these parameters; nothing is computed before it is asked for."""
        return PlayersLook(self, generator_params, critic_params)

    def compare(self, fakes: Sequence[np.ndarray], judged: Judged | None = None) -> Look:
        """Generated sets [n, *shape], at least two, and a critic as its scores on them."""
        return Look(self, list(fakes), judged)

    @functools.cached_property
    def sliced_reference(self) -> distances.Reference:
        """The real side of sliced W1."""
        return distances.reference(self.real, self.others, metric="sliced")


class Look:
    """Generated sets beside a probe; what is asked for is computed once and kept.

    Attributes:
        probe: the fixed side.
        fakes: generated sets [n, *shape].
        judged: a critic on the first of them; None without one.
    """

    def __init__(self, probe: Probe, fakes: list[np.ndarray], judged: Judged | None):
        self.probe = probe
        self._fakes, self._judged = fakes, judged

    @functools.cached_property
    def fakes(self) -> list[np.ndarray]:
        """The generated sets."""
        return self._fakes

    @functools.cached_property
    def judged(self) -> Judged | None:
        """The critic on the real set and on generated ones; None without one."""
        return self._judged

    @functools.cached_property
    def solutions(self) -> list[transport.Result]:
        """The exact assignment of each generated set to the real one."""
        real, gap = self.probe.real, self.probe.gap
        return [transport.assignment(fake, real, gap=gap) for fake in self.fakes]

    @functools.cached_property
    def distance(self) -> distances.Distance:
        """Exact W1 with floor and debiased value, without intervals."""
        return distances.distance(
            self.fakes,
            self.probe.reference,
            resamples=0,
            permutations=0,
            values=[solution.value for solution in self.solutions],
        )

    @functools.cached_property
    def certificate(self) -> critics.Certificate:
        """What exact transport proves about the critic.

        Raises:
            ValueError: if there is none.
        """
        if self.judged is None:
            raise ValueError("a look without a critic's scores has no certificate")
        count = len(self.judged.fake_scores)
        return critics.certify(
            self.probe.real, self.fakes[:count], *self.judged, self.solutions[:count]
        )

    @functools.cached_property
    def reference_certificate(self) -> critics.Certificate:
        """The same of the reference critic, which exact transport between as many other examples
        yields."""
        own = critics.reference_critic(self.probe.others[0], self.fakes[1])
        first = self.fakes[0]
        return critics.certify(
            self.probe.real,
            [first],
            own(self.probe.real),
            [own(first)],
            [np.zeros_like(first)],
            self.solutions[:1],
        )

    @functools.cached_property
    def uncertain_distance(self) -> distances.Distance:
        """Exact W1 with intervals and p-value, which take many times as long as itself."""
        return distances.distance(
            self.fakes,
            self.probe.reference,
            resamples=RESAMPLES,
            permutations=PERMUTATIONS,
            values=[solution.value for solution in self.solutions],
        )

    @functools.cached_property
    def sliced_distance(self) -> distances.Distance:
        """Sliced W1 with intervals."""
        return distances.distance(
            self.fakes, self.probe.sliced_reference, resamples=RESAMPLES, permutations=0
        )

    @functools.cached_property
    def transport_gap(self) -> float:
        """Largest relative gap of the certificates behind `distance`, as a separate verifier sees
        it."""
        gaps = [
            transport.verify(solution.certificate, fake, self.probe.real).gap / solution.value
            for solution, fake in zip(self.solutions, self.fakes, strict=True)
        ]
        return float(max(gaps))

    def feature_distance(
        self, features: Callable, most: int | None = None
    ) -> tuple[distances.Distance, float | None]:
        """W1 between features [n, *shape] -> [n, k] with intervals and p-value, and the debiased
        value that other real examples would have; None where there is but one set of them. Features
        are asked for once of every set, of the first `most` examples of it."""
        probe = self.probe
        others = [features(part[:most]) for part in probe.others]
        fakes = [features(part[:most]) for part in self.fakes]
        reference = distances.reference(features(probe.real[:most]), others, gap=probe.gap)
        found = distances.distance(fakes, reference, resamples=RESAMPLES, permutations=PERMUTATIONS)
        if len(others) < 2:
            return found, None
        real = distances.distance(others, reference, resamples=0, permutations=0)
        return found, real.debiased

    def neighbours(self, rows: int, count: int) -> np.ndarray:
        """Generated examples, each followed by its nearest training examples.

        Returns:
            [rows, 1 + count, *shape] float32.
        """
        fakes = self.fakes[0][:rows]
        references = self.probe.players.training_examples
        _, indices = distances.nearest(fakes, references, count)
        return np.concatenate([fakes[:, None], references[indices]], axis=1)


class PlayersLook(Look):
    """The players of a run with certain parameters, before a probe.

    Attributes:
        generator_params, critic_params: as given to `Probe.look`.
    """

    def __init__(self, probe: Probe, generator_params, critic_params):
        self.probe = probe
        self.generator_params, self.critic_params = generator_params, critic_params

    @functools.cached_property
    def fakes(self) -> list[np.ndarray]:
        """The generated sets."""
        return self.probe.players.fakes(self.generator_params)

    @functools.cached_property
    def judged(self) -> Judged | None:
        """The critic on all sets; None without one."""
        if self.critic_params is None:
            return None
        return self.probe.players.judged(self.critic_params, self.probe.real, self.fakes)

    @functools.cached_property
    def slopes(self) -> np.ndarray:
        """The critic's slopes [n] between real and generated examples."""
        return self.probe.players.slopes(self.generator_params, self.critic_params, self.probe.real)

    @functools.cached_property
    def extra(self) -> np.ndarray:
        """EXTRA further generated examples."""
        return self.probe.players.extra(self.generator_params)

    def sample(self, count: int) -> np.ndarray:
        """Generated examples [count, *shape], independent of all others."""
        return self.probe.players.sample(self.generator_params, count)
