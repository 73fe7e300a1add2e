"""What generated sets are worth: exact distances with floors, and what stands beside them."""

from collections.abc import Callable

import numpy as np

from gan import transport
from gan.primal.comparisons import Comparison, ExampleSets
from gan.referee import distances
from gan.scores import SCORES, Pair, modes, samples

CENTROIDS = 100
FEATURE_SCORES = ("frechet_distance", "precision", "recall")


class Scorer:
    """Scores samples against one comparison's held-out and training examples."""

    def __init__(self, comparison: Comparison, sets: ExampleSets):
        self._n = comparison.n
        self._sets = sets
        self._reference = distances.reference(sets.test, sets.others)
        self._where = samples.space(sets.dataset)
        self._train_floor = float(np.mean([distances.w1(x, sets.train) for x in sets.others]))

    def __call__(self, generated: np.ndarray) -> dict[str, float]:
        """Scores by name of generated examples [at least 2 n, *shape].

        w1, w1_floor, w1_debiased as in gan.referee; w1_train from n of the samples to all
        training examples, with its floor from held-out ones; gap, the largest relative gap of the
        certificates behind w1, as a separate verifier sees it. Of a mixture in the plane, what
        of its modes all of them cover; of anything else, FEATURE_SCORES of the first n.
        """
        fakes = [generated[: self._n], generated[self._n : 2 * self._n]]
        solutions = [transport.assignment(fake, self._sets.test) for fake in fakes]
        found = distances.distance(
            fakes,
            self._reference,
            resamples=0,
            permutations=0,
            values=[solution.value for solution in solutions],
        )
        gaps = [
            transport.verify(solution.certificate, fake, self._sets.test).gap / solution.value
            for solution, fake in zip(solutions, fakes, strict=True)
        ]
        return {
            "w1": found.value,
            "w1_floor": found.floor,
            "w1_debiased": found.debiased,
            "w1_train": distances.w1(fakes[0], self._sets.train),
            "w1_train_floor": self._train_floor,
            "gap": float(max(gaps)),
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
        features = self._where.features.apply
        pair = Pair.of(features(generated[: self._n]), features(self._sets.test))
        return {
            self._where.frechet_name if name == "frechet_distance" else name: score.compute(pair)
            for name, score in SCORES.items()
            if name in FEATURE_SCORES
        }


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
