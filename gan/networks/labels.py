"""How players read the class of an example: an embedding, and a critic's projection onto it.

Labels are int32 [b] in 0 .. classes - 1, or float32 [b, classes]: weights that sum to 1. Weights
embed as the mean of the classes' embeddings, so a path of weights leads from one class to another.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp


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
