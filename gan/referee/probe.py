"""The fixed side of every measurement: real sets, latents and compiled functions.

A probe is made once and asked often. Its sets and latents depend on the split and on n only, never
on the run's seed, so that numbers are comparable along a training and between runs. The validation
split chooses checkpoints and is used while training; the test split is reported.
"""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan import transport
from gan.config import Config
from gan.networks import Network
from gan.objectives.penalties import interpolates, slopes
from gan.referee import critics, distances

EXTRA = 2500
"""Generated examples for what a mixture's modes are counted over."""

NEIGHBOUR_REFERENCES = 60_000
"""Training examples that nearest neighbours are looked for among, at most."""

RESAMPLES = 40
PERMUTATIONS = 199


class Judged(NamedTuple):
    """A critic on a probe: scores [n] of the real set, scores [n] and input gradients [n, *shape]
    of each of the first generated sets."""

    real_scores: np.ndarray
    fake_scores: Sequence[np.ndarray]
    fake_gradients: Sequence[np.ndarray]


class RealSets(NamedTuple):
    """Real examples that no two sets share.

    Attributes:
        real: held-out examples [n, *shape], and their `labels`, int32 [n].
        others: sets [n, *shape] of training examples.
        order: all rows of the training split, those of `others` first.
    """

    real: np.ndarray
    labels: np.ndarray
    others: list[np.ndarray]
    order: np.ndarray


def real_sets(dataset, split: str, n: int, repeats: int) -> RealSets:
    """`n` examples of a held-out split, or as many as the splits have, and other real sets.

    Args:
        dataset: what gan.data.load returns.
        split: "validation" or "test".
        n: examples of every set.
        repeats: other sets wanted; there are fewer where the training split has fewer.
    """
    trained_on = dataset.size("train")
    n = min(n, dataset.size(split), trained_on // 2)
    draw = np.random.default_rng(0)
    real, labels = dataset.examples(split, draw.permutation(dataset.size(split))[:n])
    order = draw.permutation(trained_on)
    pieces = min(repeats, trained_on // n)
    others = [dataset.examples("train", order[i * n : (i + 1) * n])[0] for i in range(pieces)]
    return RealSets(real, labels, others, order)


def scores_and_gradients(apply: Callable) -> Callable:
    """(params, x [m, *shape], *labels) -> a critic's scores [m] and their gradients [m, *shape]."""

    def judge(params, x, *given):
        def total(x):
            scores = apply(params, x, *given)
            return jnp.sum(scores), scores

        gradients, scores = jax.grad(total, has_aux=True)(x)
        return scores, gradients

    return judge


class Probe:
    """Real sets that generated ones are compared with, and the players, if there are any.

    Args:
        real: the held-out set [n, *shape].
        others: at least one other real set [n, *shape].
        players: what makes and judges examples; None where these come as arrays.

    Attributes:
        n: examples of every set.
        real, others, players: as given.
    """

    def __init__(self, real: np.ndarray, others: Sequence[np.ndarray], players=None):
        self.n = len(real)
        self.real = real
        self.others = list(others)
        self.players = players
        self.reference = distances.reference(real, self.others)

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

    def look(self, generator_params, critic_params=None) -> "Look":
        """The players with these parameters; nothing is computed before it is asked for."""
        return PlayersLook(self, generator_params, critic_params)

    def compare(self, fakes: Sequence[np.ndarray], judged: Judged | None = None) -> "Look":
        """Generated sets [n, *shape], at least two, and a critic as its scores on them."""
        return Look(self, list(fakes), judged)

    @functools.cached_property
    def sliced_reference(self) -> distances.Reference:
        """The real side of sliced W1."""
        return distances.reference(self.real, self.others, metric="sliced")


class Players:
    """The latents, labels and compiled functions of a run's networks, whatever their parameters.

    Attributes:
        dataset, split: where real examples come from.
        labels: the classes asked for in each generated set, int32 [n] each, drawn from the
            empirical class distribution; empty for an unconditional run.
        real_labels: int32 [n], of the held-out examples; None for an unconditional run.
        latent_dim: length of a latent.
    """

    def __init__(
        self,
        config: Config,
        dataset,
        generator: Network,
        critic: Network,
        split: str,
        sets: RealSets,
    ):
        self.dataset, self.split = dataset, split
        self.latent_dim = config.latent_dim
        self._conditional = config.conditional
        self._n = len(sets.real)
        keys = jax.random.split(jax.random.key(2**31), max(2, config.evaluation_repeats))
        classes = np.random.default_rng(1)
        self._inputs = [self._drawn(key, self._n, classes) for key in keys]
        self._extra = self._drawn(jax.random.key(2**31 + 1), EXTRA, classes)
        self._near = sets.order[:NEIGHBOUR_REFERENCES]
        self.labels = [labels for _, *drawn in self._inputs for labels in drawn]
        self.real_labels = sets.labels if config.conditional else None
        self._given = (sets.labels,) if config.conditional else ()
        self.generate = jax.jit(generator.apply)

        def slopes_between(params, real, fake, *given):
            points = interpolates(real, fake, jax.random.key(0))
            return slopes(lambda x: critic.apply(params, x, *given), points)

        self._judge = jax.jit(scores_and_gradients(critic.apply))
        self._slopes = jax.jit(slopes_between)

    def _drawn(self, key, count: int, classes) -> tuple:
        """Latents, and for a conditional generator the labels of random training examples."""
        latents = jax.random.normal(key, (count, self.latent_dim))
        if not self._conditional:
            return (latents,)
        rows = classes.integers(0, self.dataset.size("train"), count)
        return latents, self.dataset.examples("train", rows)[1]

    def fakes(self, params) -> list[np.ndarray]:
        """The independent generated sets [n, *shape] that distances are computed from."""
        return [np.asarray(self.generate(params, *inputs)) for inputs in self._inputs]

    def extra(self, params) -> np.ndarray:
        """EXTRA generated examples, independent of `fakes`."""
        return np.asarray(self.generate(params, *self._extra))

    def sample(self, params, count: int) -> np.ndarray:
        """Generated examples [count, *shape], independent of `fakes`; the first of them do not
        depend on how many are asked for."""
        blocks = []
        for block in range(-(-count // self._n)):
            key = jax.random.fold_in(jax.random.key(2**31 + 2), block)
            inputs = self._drawn(key, self._n, np.random.default_rng([2, block]))
            blocks.append(np.asarray(self.generate(params, *inputs)))
        return np.concatenate(blocks)[:count]

    def judged(self, params, real: np.ndarray, fakes: Sequence[np.ndarray]) -> Judged:
        """The critic on the held-out set and on `fakes`."""
        judge = functools.partial(self._judge, params)
        real_scores, _ = jax.device_get(judge(real, *self._given))
        found = [
            jax.device_get(judge(fake, *drawn))
            for fake, (_, *drawn) in zip(fakes, self._inputs, strict=True)
        ]
        return Judged(real_scores, *zip(*found, strict=True))

    def slopes(self, generator_params, critic_params, real: np.ndarray) -> np.ndarray:
        """Slopes [n] of the critic between real and generated examples, of one class as in
        training."""
        latents, *_ = self._inputs[0]
        paired = self.generate(generator_params, latents, *self._given)
        return self._slopes(critic_params, jnp.asarray(real), paired, *self._given)

    @property
    def training_examples(self) -> np.ndarray:
        """The training examples that nearest neighbours are looked for among."""
        return self.dataset.examples("train", self._near)[0]


class Look:
    """Generated sets beside a probe; what is asked for is computed once and kept.

    Attributes:
        probe: the fixed side.
        fakes: generated sets [n, *shape].
        judged: a critic on the first of them; None without one.
    """

    def __init__(self, probe: Probe, fakes: list[np.ndarray], judged: Judged | None):
        self.probe = probe
        self.fakes = fakes
        self.judged = judged

    @functools.cached_property
    def solutions(self) -> list[transport.Result]:
        """The exact assignment of each generated set to the real one."""
        return [transport.assignment(fake, self.probe.real) for fake in self.fakes]

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
        """What exact transport proves about the critic."""
        count = len(self.judged.fake_scores)
        return critics.certify(
            self.probe.real, self.fakes[:count], *self.judged, self.solutions[:count]
        )

    @functools.cached_property
    def yardstick(self) -> critics.Certificate:
        """The same of the referee's own critic: the exact prices of as many other examples."""
        own = critics.prices(self.probe.others[0], self.fakes[1])
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

    def feature_distance(self, features: Callable) -> tuple[distances.Distance, float]:
        """W1 between features [n, *shape] -> [n, k] with intervals and p-value, and the debiased
        value that other real examples would have."""
        reference = distances.reference(self.probe.real, self.probe.others, features=features)
        found = distances.distance(
            self.fakes, reference, resamples=RESAMPLES, permutations=PERMUTATIONS
        )
        real = distances.distance(self.probe.others, reference, resamples=0, permutations=0)
        return found, real.debiased


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

    def neighbours(self, rows: int, count: int) -> np.ndarray:
        """Generated examples, each followed by its nearest training examples.

        Returns:
            [rows, 1 + count, *shape] float32.
        """
        fakes = self.fakes[0][:rows]
        references = self.probe.players.training_examples
        _, indices = distances.nearest(fakes, references, count)
        return np.concatenate([fakes[:, None], references[indices]], axis=1)
