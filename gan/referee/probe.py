"""The fixed side of every measurement: real sets, latents and compiled functions.

A probe is made once and asked often. Its sets and latents depend on the split and on n only, never
on the run's seed, so that numbers are comparable along a training and between runs. The validation
split chooses checkpoints and is used while training; the test split is reported.
"""

import functools
from collections.abc import Sequence

import numpy as np

from gan.config import Config
from gan.networks import Network
from gan.referee import distances
from gan.referee.look import Judged, Look, PlayersLook
from gan.referee.players import Players, real_sets


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
