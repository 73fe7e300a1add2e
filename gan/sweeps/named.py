"""Spaces with a name; all can be searched, drawn from, or trained whole as a grid."""

from gan.registries import LOSSES
from gan.sweeps.space import NamedSpace

penalty = NamedSpace(
    help="weight of the penalty against critic steps a round, 24 trials",
    axes={
        "penalty_weight": {"log": [0.1, 100], "points": 4},
        "n_critic": [1, 2, 5],
        "seed": [0, 1],
    },
    case={"penalty_weight": 100.0, "n_critic": 5, "seed": 1},
)

learning_rates = NamedSpace(
    help="learning rates of both players, 18 trials",
    axes={
        "generator_learning_rate": {"log": [1e-4, 1e-2], "points": 3},
        "critic_learning_rate": {"log": [1e-4, 1e-2], "points": 3},
        "seed": [0, 1],
    },
    case={"generator_learning_rate": 1e-4, "critic_learning_rate": 1e-2, "seed": 0},
)

objectives = NamedSpace(
    help="every loss of the library with four penalties and two seeds",
    axes={
        "loss": sorted(LOSSES),
        "penalty": ["two_sided", "one_sided", "r1", "none"],
        "seed": [0, 1],
    },
    case={"loss": "wasserstein", "penalty": "two_sided", "seed": 0},
)

widths = NamedSpace(
    help="hidden units of both players, 18 trials",
    axes={"generator.width": [64, 128, 256], "critic.width": [64, 128, 256], "seed": [0, 1]},
    case={"generator.width": 256, "critic.width": 64, "seed": 1},
)

noise = NamedSpace(
    help="normal noise on what the critic sees, 12 trials",
    axes={"instance_noise": {"uniform": [0, 0.6], "points": 4}, "seed": [0, 1, 2]},
    case={"instance_noise": 0.6, "seed": 2},
)
