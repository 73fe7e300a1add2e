"""What generated sets are worth: exact distances with floors, and what stands beside them."""

from collections.abc import Callable

import numpy as np

from gan.primal.comparisons import Comparison, ExampleSets
from gan.referee import distances
from gan.referee.probe import Probe
from gan.registries import METRICS
from gan.scores import modes, requirements, space
from gan.scores.pair import Pair

CENTROIDS = 100
FEATURE_SCORES = ("frechet_distance", "frechet_classifier_distance", "precision", "recall")
"""Those of them that the data set has."""


class Scorer:
    """Scores samples against one comparison's held-out and training examples."""

    def __init__(self, comparison: Comparison, sets: ExampleSets):
        self._n = comparison.n
        self._sets = sets
        self._probe = Probe(sets.test, sets.others)
        self._space = space.space(sets.dataset)
        self._train_floor = float(np.mean([distances.w1(x, sets.train) for x in sets.others]))

    def __call__(self, generated: np.ndarray) -> dict[str, float]:
        """Scores by name of generated examples [at least 2 n, *shape].

        w1, w1_floor, w1_debiased as in gan.referee; w1_train from n of the samples to all
        training examples, with its floor from held-out ones; gap, the largest relative gap of the
        certificates behind w1, as a separate verifier sees it. Of a mixture in the plane, what
        of its modes all of them cover; of anything else, FEATURE_SCORES of the first n.
        """
        look = self._probe.compare([generated[: self._n], generated[self._n : 2 * self._n]])
        return {
            "w1": look.distance.value,
            "w1_floor": look.distance.floor,
            "w1_debiased": look.distance.debiased,
            "w1_train": distances.w1(look.fakes[0], self._sets.train),
            "w1_train_floor": self._train_floor,
            "gap": look.transport_gap,
            **self._sample_scores(generated),
        }

    def _sample_scores(self, generated) -> dict[str, float]:
        mixture = self._sets.dataset.modes
        if mixture is not None:
            found = modes.count_modes(generated, mixture.centers, mixture.sigma)
            return {
                "modes": found.covered,
                "high_quality": found.high_quality,
                "reverse_kl": found.reverse_kl,
            }
        features = self._space.features.apply
        pair = Pair.of(features(generated[: self._n]), features(self._sets.test))
        names = (name for name in FEATURE_SCORES if self._reports(name))
        return {name: METRICS.get(name).of_features(pair) for name in names}

    def _reports(self, name: str) -> bool:
        return requirements.unmet(name, requirements.Situation(self._sets.dataset)) is None


def copies(sets: ExampleSets, count: int, seed: int) -> np.ndarray:
    """Training examples drawn at random: a generator that has learned its data by heart."""
    draw = np.random.default_rng(seed)
    return sets.train[draw.integers(len(sets.train), size=count)]


def centroids(sets: ExampleSets, count: int, seed: int) -> np.ndarray:
    """Centroids of k-means on the training examples, each as often as it has members: averages,
    which lie nearer to held-out examples than other examples do."""
    from sklearn.cluster import KMeans

    flat = sets.train.reshape(len(sets.train), -1)
    fitted = KMeans(min(CENTROIDS, len(flat) // 2), n_init=1, random_state=seed).fit(flat)
    draw = np.random.default_rng(seed)
    labels = draw.choice(fitted.labels_, size=count)
    return fitted.cluster_centers_[labels].reshape(count, *sets.train.shape[1:])


LINES: dict[str, Callable[[ExampleSets, int, int], np.ndarray]] = {
    "training examples": copies,
    f"{CENTROIDS} k-means centroids": centroids,
}
"""Sets that no generator made, for comparison: (sets, count, seed) -> [count, *shape]."""
