"""The sets that scores of published names compare, and what stands beside such a score.

Published values are of 50,000 generated examples against the whole training set. Here the number of
generated ones is the user's, and every score says how it was computed and what differs. Held-out
real examples, as many, are scored like generated ones where the split has as many.
"""

import dataclasses
import functools
import time
from collections.abc import Callable

import numpy as np

from gan.errors import UserError
from gan.networks.inception import WIDTHS
from gan.scores import frechet, published
from gan.scores.inception import Inception, levels
from gan.scores.metric import Score
from gan.scores.moments import Moments, moments
from gan.scores.pair import DENSITY_NEIGHBOURS, PRECISION_NEIGHBOURS
from gan.scores.requirements import PUBLISHED_WEIGHTS, Situation
from gan.scores.space import Features

LEAST = published.PARTS
"""Fewest generated examples: the Inception score has so many parts."""

BLOCK = 2048
"""Training examples that are in memory at a time."""

MINUTE = 60


@dataclasses.dataclass(frozen=True, eq=False)
class Sets:
    """Features of the compared examples.

    Attributes:
        generated: [n, k].
        training: of the whole training split, or of all real examples where there is none, [m, k];
            None where only their moments are known.
        reference: what these are called.
        held_out: of other real examples, [n, k]; None where there are not so many.
        logits: features [n, k] -> logits [n, classes].
        features: what all this was computed by.
    """

    generated: np.ndarray
    training: np.ndarray | None
    reference: str
    held_out: np.ndarray | None
    logits: Callable[[np.ndarray], np.ndarray]
    features: str

    @functools.cached_property
    def fid(self) -> Score:
        """Squared Frechet distance to the training set."""
        return self.fid_against(moments(self.training), self._all)

    def fid_against(self, reference: Moments, called: str) -> Score:
        """Squared Frechet distance to a set of which the moments are known.

        Raises:
            UserError: if they are of another number of features.
        """

        def value(features):
            return frechet.between(moments(features), reference)

        real = None if self.held_out is None else value(self.held_out)
        how = f"FID against {called}, moments in float64"
        return Score(value(self.generated), len(self.generated), self._said(how), real=real)

    @functools.cached_property
    def kid(self) -> tuple[Score, Score]:
        """Kernel discrepancy to the training set, and its deviation over subsets."""
        sizes = len(self.generated), len(self.training)
        size = min(published.SUBSET_SIZE, *sizes)

        def value(features):
            return published.kid(features, self.training, published.subsets(sizes, size))

        how = f"KID against {self._all}, {published.SUBSETS} subsets of {size:,}"
        if size < published.SUBSET_SIZE:
            how += f" in place of {published.SUBSET_SIZE:,}"
        return self._spread(value, f"{how}, float64")

    @functools.cached_property
    def inception_score(self) -> tuple[Score, Score]:
        """Inception score, and its deviation over parts."""
        order = np.random.default_rng(0).permutation(len(self.generated))

        def value(features):
            return published.inception_score(self.logits(features[order]))

        how = f"Inception score over {published.PARTS} parts in random order"
        return self._spread(value, f"{how}, logits without bias, float64")

    @functools.cached_property
    def balls(self) -> dict[str, Score]:
        """Precision, recall, density and coverage against as many training examples."""
        n, m = len(self.generated), len(self.training)
        rows = np.random.default_rng(0).permutation(m)[: min(n, m)]
        real = self.training[np.sort(rows)]
        found = published.balls(self.generated, real)._asdict()
        beside = {} if self.held_out is None else published.balls(self.held_out, real)._asdict()
        how = (
            f"precision, recall, density, coverage against {len(real):,} of {self._all}, k = "
            f"{PRECISION_NEIGHBOURS} and {DENSITY_NEIGHBOURS}; their authors "
            f"took VGG-16's features"
        )
        return {
            name: Score(value, n, self._said(how), real=beside.get(name))
            for name, value in found.items()
        }

    @property
    def _all(self) -> str:
        return f"all {len(self.training):,} of {self.reference}"

    def _said(self, how: str) -> str:
        n = len(self.generated)
        count = f"{n:,} generated"
        if n != published.COUNT:
            count += f", not the {published.COUNT:,} of published values: do not compare with these"
        return f"{how}; {count}; {self.features}"

    def _spread(self, value: Callable[[np.ndarray], published.Spread], how: str):
        found = value(self.generated)
        real = (None, None) if self.held_out is None else value(self.held_out)
        n, said = len(self.generated), self._said(how)
        return tuple(Score(a, n, said, real=b) for a, b in zip(found, real, strict=True))


def draw(
    dataset,
    sample: Callable[[int], np.ndarray],
    split: str,
    features: Features,
    count: int,
    say: Callable[[str], None] | None = None,
) -> Sets:
    """The features of generated examples and of the whole training split, or of all real examples.

    Args:
        dataset: what gan.data.load returns.
        sample: sample(count) -> generated examples [count, *shape], independent.
        split: held-out real examples are of this one.
        features: Inception-v3's.
        count: generated examples.
        say: gets a line when there is something to wait for.

    Raises:
        UserError: for fewer than LEAST examples, or features that are not finite.
    """
    if count < LEAST:
        raise UserError(
            f"scores of published names need at least {LEAST} samples, got {count}: give "
            f"--samples {LEAST} or more, or name other metrics"
        )
    start = time.monotonic()
    generated = _features(features, sample(count))
    trained = dataset.size("train") > 0
    held_out = None
    if trained and dataset.size(split) >= count:
        rows = np.random.default_rng(0).permutation(dataset.size(split))[:count]
        held_out = _features(features, dataset.examples(split, rows)[0])
    passed = count if held_out is None else 2 * count
    splits = ("train",) if trained else ("test", "validation")
    size = sum(map(dataset.size, splits))
    seconds = (time.monotonic() - start) / passed * size
    if say is not None and seconds > MINUTE:
        minutes = f"{seconds / MINUTE:.0f} minutes"
        say(f"computing features of all {size:,} real examples: about {minutes}")
    whole = np.concatenate(
        [
            _features(features, dataset.examples(part, np.arange(i, min(i + BLOCK, n)))[0])
            for part in splits
            for n in (dataset.size(part),)
            for i in range(0, n, BLOCK)
        ]
    )
    reference = "train" if trained else "the real set"
    return Sets(generated, whole, reference, held_out, features.logits, features.description)


def compare(
    network: Inception, samples: np.ndarray, reference: np.ndarray | Moments, called: str
) -> dict[str, Score]:
    """Scores of published names of generated images, from anywhere.

    Args:
        network: Inception-v3 with the published weights.
        samples: generated images [n, h, w, 1 or 3], uint8 or float in [-1, 1], in any order.
        reference: real images, perhaps of another size; or the statistics of their features, which
            allow FID and the Inception score alone.
        called: the reference.

    Returns:
        By name of the metric.

    Raises:
        UserError: for other weights, other statistics, too few images, or what is no image.
    """
    require_published(network)
    images = {"samples": levels(samples)}
    known = isinstance(reference, Moments)
    if known:
        if len(reference.mean) != WIDTHS[-1]:
            count = len(reference.mean)
            raise UserError(
                f"{called} has statistics of {count} features, Inception-v3 has {WIDTHS[-1]}"
            )
    else:
        images[called] = levels(reference)
    for name, each in images.items():
        if len(each) < LEAST:
            raise UserError(f"{LEAST} images are needed, {name} has {len(each)}")
    generated = network.features(images["samples"])
    real = None if known else network.features(images[called])
    sets = Sets(generated, real, called, None, network.logits, network.description)
    score, score_spread = sets.inception_score
    found = {"inception_score": score, "inception_score_spread": score_spread}
    if known:
        count = "" if reference.count is None else f" of {reference.count:,} images"
        return {"fid": sets.fid_against(reference, f"the statistics{count} in {called}"), **found}
    kid, kid_spread = sets.kid
    balls = {f"inception_{name}": each for name, each in sets.balls.items()}
    return {"fid": sets.fid, "kid": kid, "kid_spread": kid_spread, **found, **balls}


def require_published(network: Inception) -> None:
    """Raises UserError, with the reason, unless scores of these weights may bear their names."""
    situation = Situation(None, inception=network.sha256)
    if not PUBLISHED_WEIGHTS.met(situation):
        raise UserError(PUBLISHED_WEIGHTS.reason(situation))


def _features(features: Features, examples: np.ndarray) -> np.ndarray:
    return features.checked(examples).astype(np.float32)
