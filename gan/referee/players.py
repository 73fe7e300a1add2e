"""What is fixed of the players of a run: latents, labels and compiled functions."""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan.config import Config
from gan.networks import Network
from gan.objectives.penalties import interpolates, slopes
from gan.precise import in_full
from gan.referee.critics import Judged

EXTRA = 2500
"""Generated examples for what a mixture's modes are counted over."""

NEIGHBOUR_REFERENCES = 60_000
"""Training examples that nearest neighbours are looked for among, at most."""


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


def examples_of_a_set(dataset, split: str, n: int) -> int:
    """How many examples every set has where `n` are wanted, for want of more in the splits."""
    return min(n, dataset.size(split), dataset.size("train") // 2)


def compared(config: Config, dataset) -> dict[str, int]:
    """Examples of every set that distances are taken between, by split."""
    return {
        split: examples_of_a_set(dataset, split, config.evaluation_size)
        for split in ("validation", "test")
    }


def real_sets(dataset, split: str, n: int, repeats: int) -> RealSets:
    """`n` examples of a held-out split, or as many as the splits have, and other real sets.

    Args:
        dataset: what gan.data.load returns.
        split: "validation" or "test".
        n: examples of every set.
        repeats: other sets wanted; there are fewer where the training split has fewer.
    """
    trained_on, n = dataset.size("train"), examples_of_a_set(dataset, split, n)
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
        self.generate = jax.jit(in_full(generator.apply))

        def slopes_between(params, real, fake, *given):
            points = interpolates(real, fake, jax.random.key(0))
            return slopes(lambda x: critic.apply(params, x, *given), points)

        self._judge = jax.jit(in_full(scores_and_gradients(critic.apply)))
        self._slopes = jax.jit(in_full(slopes_between))

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
