"""What a generator would score that makes one example over and over.

Beside what real examples get this gives a score its scale. The example that is repeated is a real
one, so its quality is perfect and its variety none. It is the one of the first CANDIDATES examples
of the floor's real set that lies nearest to the others on average, which favours the generator.

The distance from n copies of x to a real set is the mean distance from x, since every matching
costs the same; the copies are at distance 0 from each other.
"""

import functools
from collections.abc import Callable, Iterable

import numpy as np
from scipy.spatial.distance import cdist

from gan.registries import METRICS
from gan.scores import modes
from gan.scores.evidence import Evidence
from gan.scores.pair import Pair

CANDIDATES = 64
"""Real examples among which the one that is repeated is chosen."""


def scores(names: Iterable[str], evidence: Evidence) -> dict[str, float]:
    """The scores of n copies of one real example, of those metrics for which it is known.

    Args:
        names: of metrics that were computed from `evidence`.
        evidence: gives the real examples, n and the features.
    """
    subject = _Collapsed(evidence)
    found = {}
    for name in names:
        metric = METRICS.get(name)
        if metric.of_features is not None:
            found[name] = float(metric.of_features(subject.pair))
        elif name in KNOWN:
            found[name] = float(KNOWN[name](subject))
    return found


def central(examples: np.ndarray) -> np.ndarray:
    """The one [1, *shape] of the first CANDIDATES examples [n, *shape] that has the least mean
    distance to all of them.

    >>> central(np.array([[0.0], [1.0], [5.0]]))
    array([[1.]])
    """
    flat = np.asarray(examples[:CANDIDATES], np.float64).reshape(len(examples[:CANDIDATES]), -1)
    best = int(cdist(flat, flat).mean(axis=1).argmin())
    return examples[best : best + 1]


class _Collapsed:
    """One example, and its distances and features beside those of an evidence."""

    def __init__(self, evidence: Evidence):
        self.evidence = evidence
        self.probe = evidence.look.probe
        self.example = central(self.probe.others[0])

    @property
    def w1(self) -> float:
        """W1 from copies of the example to the held-out set."""
        return self._from(self.probe.real)

    @property
    def w1_debiased(self) -> float:
        """The same less half the distance between real sets; the copies have none."""
        return self.w1 - float(np.mean(self.probe.reference.floors)) / 2

    @property
    def w1_train(self) -> float:
        """W1 from the copies to training sets, a mean over them."""
        return float(np.mean([self._from(part) for part in self.probe.others]))

    @functools.cached_property
    def pair(self) -> Pair:
        """Features of the copies, as many as there are generated examples, and of real ones."""
        evidence = self.evidence
        n, classifier = len(evidence.pair.generated), evidence.space.classifier
        known = None if classifier is None else classifier.probabilities(self.example)
        return Pair.of(
            np.repeat(evidence.features(self.example), n, axis=0),
            evidence.pair.real,
            None if known is None else np.repeat(known, n, axis=0),
        )

    @property
    def modes(self) -> modes.Modes:
        """Components of a mixture in the plane that the example covers: one, or none."""
        mixture = self.evidence.dataset.modes
        return modes.count_modes(self.example, mixture.centers, mixture.sigma)

    def _from(self, examples: np.ndarray) -> float:
        """Mean Euclidean distance from the example to a set."""
        flat = np.asarray(examples, np.float64).reshape(len(examples), -1)
        return float(cdist(np.asarray(self.example, np.float64).reshape(1, -1), flat).mean())


KNOWN: dict[str, Callable[[_Collapsed], float]] = {
    "w1": lambda subject: subject.w1,
    "w1_debiased": lambda subject: subject.w1_debiased,
    "w1_train": lambda subject: subject.w1_train,
    "modes": lambda subject: subject.modes.covered,
    "high_quality": lambda subject: subject.modes.high_quality,
    "reverse_kl": lambda subject: subject.modes.reverse_kl,
    # Asked for every class as often, it makes one of them.
    "class_share": lambda subject: 1 / subject.evidence.dataset.num_classes,
}
"""How the scores of metrics are known that are no functions of features."""
