"""The search space of Table 1 of Gulrajani et al. 2017, sampled with a seed.

For each player: nonlinearity, depth, base filters and whether there is a norm: 9,216 pairs. The
norm of a generator is batch norm; that of a critic is batch norm in the classic game, and layer
norm where slopes are penalised, since batch norm couples examples. Base filters are divided by
`shrink`: the paper's 32, 64 and 128 are for 32 x 32 images and 100,000 steps on a GPU.
"""

import math

import numpy as np

from gan import config
from gan.config import Config
from gan.errors import UserError

AXES: dict[str, tuple] = {
    "generator_activation": ("relu", "leaky_relu", "softplus", "tanh"),
    "critic_activation": ("relu", "leaky_relu", "softplus", "tanh"),
    "generator_depth": (4, 8, 12, 20),
    "critic_depth": (4, 8, 12, 20),
    "generator_norm": (True, False),
    "critic_norm": (True, False),
    "generator_filters": (32, 64, 128),
    "critic_filters": (32, 64, 128),
}
"""Every choice of an architecture, by name."""

SIZE = math.prod(map(len, AXES.values()))
"""Number of architectures: 9,216."""

OBJECTIVES: dict[str, dict] = {
    "gan": {
        "loss": "non_saturating",
        "penalty": "none",
        "beta1": 0.5,
        "beta2": 0.999,
        "generator_learning_rate": 2e-4,
        "critic_learning_rate": 2e-4,
    },
    "gp": {
        "loss": "wasserstein",
        "penalty": "two_sided",
        "beta1": 0.0,
        "beta2": 0.9,
        "generator_learning_rate": 1e-4,
        "critic_learning_rate": 1e-4,
    },
    "one_sided": {
        "loss": "wasserstein",
        "penalty": "one_sided",
        "beta1": 0.0,
        "beta2": 0.9,
        "generator_learning_rate": 1e-4,
        "critic_learning_rate": 1e-4,
    },
}
"""What is trained on each architecture, with the paper's optimisers (its Section 5); all take the
same number of critic and of generator steps."""


def sample(count: int, seed: int) -> list[dict]:
    """`count` different architectures, uniformly; the first ones do not depend on `count`.

    Raises:
        UserError: for a count outside 1 .. 9216.
    """
    if not 1 <= count <= SIZE:
        raise UserError(f"--sample must be in 1 .. {SIZE}, got {count}")
    numbers = np.random.default_rng(seed).permutation(SIZE)[:count]
    places = np.unravel_index(numbers, [len(values) for values in AXES.values()])
    return [
        {name: AXES[name][int(place)] for name, place in zip(AXES, chosen, strict=True)}
        for chosen in zip(*places, strict=True)
    ]


def configure(base: Config, architecture: dict, objective: str, shrink: int, speed: float):
    """The config of one training.

    Args:
        base: steps, batch, data and all else that the trainings share.
        architecture: from `sample`.
        objective: name in OBJECTIVES.
        shrink: divisor of the base filters.
        speed: factor on the learning rates of OBJECTIVES.
    """
    settings = dict(OBJECTIVES[objective])
    for player in ("generator", "critic"):
        settings[f"{player}_learning_rate"] *= speed
        norm = "none"
        if architecture[f"{player}_norm"]:
            penalised = player == "critic" and settings["penalty"] != "none"
            norm = "layer" if penalised else "batch"
        settings |= {
            f"{player}.name": "table1",
            f"{player}.activation": architecture[f"{player}_activation"],
            f"{player}.depth": architecture[f"{player}_depth"],
            f"{player}.width": max(1, architecture[f"{player}_filters"] // shrink),
            f"{player}.normalization": norm,
        }
    return config.replace(base, settings)
