"""How players read the class of an example: an embedding, and a critic's projection onto it.

Labels are int32 [b] in 0 .. classes - 1, or float32 [b, classes]: weights that sum to 1. Weights
embed as the mean of the classes' embeddings, so a path of weights leads from one class to another.
"""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan import config


def embed(labels, classes: int, features: int):
    """One learned vector per class, standard normal at first: labels -> [b, features]; inside a
    module."""
    return Embedding(classes, features, nn.initializers.normal(1.0))(labels)


def class_scores(h, labels, classes: int):
    """Scores [b] = linear(h) + <embedding(label), h> of features [b, c]; inside a module.

    (Miyato and Koyama 2018.) The embedding starts near 0: a critic first learns what all classes
    share.
    """
    scale = nn.initializers.normal(0.1 * h.shape[-1] ** -0.5)
    embedded = Embedding(classes, h.shape[-1], scale)(labels)
    return nn.Dense(1)(h)[:, 0] + jnp.sum(embedded * h, axis=-1)


class Generator(nn.Module):
    """A generator without labels, on the latent beside an embedding of the class of the latent's
    length.

    Attributes:
        unlabelled: (spec, shape) -> flax module of the generator.
    """

    unlabelled: Callable[..., nn.Module]
    spec: config.Network
    shape: tuple[int, ...]
    classes: int

    @nn.compact
    def __call__(self, z, labels):
        embedded = embed(labels, self.classes, z.shape[-1])
        both = jnp.concatenate([z, embedded], axis=-1)
        return self.unlabelled(self.spec, self.shape)(both)


class Critic(nn.Module):
    """The scores that `class_scores` makes of the features that a critic without labels has last.

    Attributes:
        features: (module, x [b, *shape]) -> [b, c], with parameters of the module, whose spec says
            how large they are.
    """

    features: Callable
    spec: config.Network
    shape: tuple[int, ...]
    classes: int

    @nn.compact
    def __call__(self, x, labels):
        return class_scores(self.features(self, x), labels, self.classes)


class Embedding(nn.Module):
    """One vector per class, as the rows of a kernel, so that spectral normalisation finds it."""

    classes: int
    features: int
    initializer: nn.initializers.Initializer

    @nn.compact
    def __call__(self, labels):
        kernel = self.param("kernel", self.initializer, (self.classes, self.features))
        if labels.ndim == 1:
            labels = jax.nn.one_hot(labels, self.classes, dtype=kernel.dtype)
        return labels @ kernel
