"""What is wrong with generated examples, in words: faults that have a name and a test of their own.

A distance says how far generated examples are from real ones, not in what they differ. Each check
here looks for one known fault. It speaks only if the fault is large enough to matter and if chance
is no explanation: beside an effect of a stated size, its statistic must lie more than 4 standard
errors from what real examples give (or the p-value of its test below 1e-4), so that all checks
together rarely accuse a second sample of real examples. Neighbours are not independent, so the rate
of the checks that count them is higher: 0.2 to 0.4 % were measured at n = 20 to 60.

No check proves that nothing is wrong: that no fault is named means that none of these was found.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from gan.referee import distances

SURE = 4.0
"""Standard errors beyond which chance is no explanation."""

UNLIKELY = 1e-4
"""p-value below which it is none either."""

FARTHEST = 2
"""Pixels of the largest shift that is looked for."""

MOST = 2000
"""Examples of each set that are looked at, where all pairs count."""

LEAST = 20
"""Fewest examples of each set in which faults are looked for."""

_COPIED, _REPEATED, _MISSED, _DROPPED, _MORE, _BELOW = 0.25, 0.2, 0.1, 0.2, 2.0, 0.1
_DULL, _SHARP, _BRIGHT, _GRAIN = 0.8, 1.25, 0.1, 0.04


class Fault(NamedTuple):
    """Something that is wrong.

    Attributes:
        name: of the kind of fault, one of KINDS.
        text: what was found, in a sentence.
        value: the number that the sentence rests on.
        real: what real examples would give.
    """

    name: str
    text: str
    value: float
    real: float


KINDS = {
    "copies": "training examples are repeated",
    "repeats": "generated examples repeat each other",
    "drops_class": "a class is missing, or nearly so",
    "proportions": "a class is much too frequent",
    "misses": "part of the real examples has no generated one near by",
    "blur": "pictures are smoother than real ones",
    "noise": "flat parts of pictures are not flat",
    "shift": "pictures are displaced",
    "brightness": "pictures are too dark, too bright, or a colour is off",
    "contrast": "pictures have too little or too much contrast",
    "quality": "many generated examples lie among no real ones",
    "variety": "many real examples lie among no generated ones",
}
"""What each name means."""


def faults(
    fake: np.ndarray,
    real: np.ndarray,
    train: np.ndarray | None = None,
    classes: tuple[np.ndarray, np.ndarray, Sequence[str]] | None = None,
) -> list[Fault]:
    """The faults of generated examples, the surest kinds first.

    Args:
        fake: generated examples [n, *shape], pictures in [-1, 1].
        real: held-out real ones [m, *shape].
        train: the training examples [t, *shape]; None leaves copying out.
        classes: of fake and of real examples, int [n] and [m], and the names of the classes; None
            leaves them out.

    Returns:
        The faults; [] below LEAST examples of either.
    """
    if min(len(fake), len(real)) < LEAST:
        return []
    found = [] if train is None else _copies(_some(fake, MOST), real, train)
    if fake.ndim == 4:
        found += [*_shift(fake, real), *_texture(fake, real), *_levels(fake, real)]
    if not any(fault.name == "blur" for fault in found):  # which brings examples together
        found += _repeats(*_as_many(fake, real))
    if classes is not None:
        found += _classes(*classes)
    return found or _misses(*_as_many(fake, real))


def _some(examples: np.ndarray, count: int) -> np.ndarray:
    """`count` of the examples at random, since files are often in the order of classes."""
    if len(examples) <= count:
        return examples
    return examples[np.random.default_rng(0).permutation(len(examples))[:count]]


def _as_many(fake: np.ndarray, real: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Equally many of both: examples lie the nearer to each other the more there are."""
    count = min(len(fake), len(real), MOST)
    return _some(fake, count), _some(real, count)


def beside_real(scores: Mapping[str, Any]) -> list[Fault]:
    """Faults that scores show: precision and recall far below what real examples get.

    Args:
        scores: by name, with value, n, interval and real as attributes; others than these two are
            not looked at, nor any of fewer than LEAST examples.
    """
    found = []
    for name, kind, text in (
        ("precision", "quality", "{:.0%} of the generated examples lie among real ones"),
        ("recall", "variety", "{:.0%} of the real examples lie among generated ones"),
    ):
        score = scores.get(name)
        if score is None or score.n < LEAST or score.real is None or score.interval is None:
            continue
        beyond = SURE / 1.96 * (score.value - score.interval[0])
        if score.value < score.real - max(_BELOW, beyond):
            told = (
                f"{kind.capitalize()}: {text.format(score.value)}, {score.real:.0%} of real ones."
            )
            found.append(Fault(kind, told, float(score.value), float(score.real)))
    return found


def copied_share(
    to_train: tuple[np.ndarray, np.ndarray], to_real: tuple[np.ndarray, np.ndarray], sizes
) -> tuple[float, float]:
    """Share of generated examples that are copies of training examples, and its standard error.

    Which of the real examples were trained on is chance for a generator that copies none of them:
    the nearest of all is then a training one with probability y = t / (t + m). It is in a share x
    of cases; if a share c are copies, x = c + (1 - c) y (after Meehan, Chaudhuri, Dasgupta 2020,
    with the nearest example in place of ranks of distances). Blur does not count as copying, since
    it brings an example nearer to both sets alike. The error is that of x if the same examples
    were dealt to the two sets anew: it grows where few of them are the nearest of many.

    Args:
        to_train: distances [n] of generated examples to the nearest training one, and its rows [n].
        to_real: likewise to the nearest held-out real one.
        sizes: t and m, of the two sets.
    """
    (near_train, train_rows), (near_real, real_rows) = to_train, to_real
    t, m = sizes
    ties = near_train == near_real
    share = float(np.mean((near_train < near_real) + 0.5 * ties))
    expected = t / (t + m)
    nearest = np.where(near_train <= near_real, train_rows, t + real_rows)
    concentration = np.sum((np.unique(nearest, return_counts=True)[1] / len(nearest)) ** 2)
    error = np.sqrt(expected * (1 - expected) * concentration)
    return (share - expected) / (1 - expected), float(error / (1 - expected))


def copying(share: float, error: float, nearest: float, usual: float) -> bool:
    """Whether training examples are repeated: a share of copies beyond chance, of examples that lie
    no farther from the training examples than real ones do.

    Args:
        share, error: see `copied_share`.
        nearest, usual: median distances to the nearest training example, of generated examples and
            of held-out real ones.
    """
    return share >= max(_COPIED, SURE * error) and nearest <= usual


def _copies(fake, real, train) -> list[Fault]:
    to_train, to_real = distances.nearest_one(fake, train), distances.nearest_one(fake, real)
    share, error = copied_share(to_train, to_real, (len(train), len(real)))
    usual = distances.nearest(_some(real, MOST), train)[0][:, 0]
    if not copying(share, error, np.median(to_train[0]), np.median(usual)):
        return []
    share = min(share, 1.0)
    text = f"It copies: about {share:.0%} of the generated examples repeat a training example."
    return [Fault("copies", text, share, 0.0)]


def _repeats(fake, real) -> list[Fault]:
    """Near copies among the generated examples, judged by how near as many real ones lie."""
    own, others = (distances.nearest(part, part, 2)[0][:, 1] for part in (fake, real))
    near = np.median(others) / 2
    share, usual = np.mean(own <= near), np.mean(others <= near)
    if share - usual < _REPEATED or not _surely_more(own <= near, others <= near):
        return []
    text = (
        f"It repeats itself: {share:.0%} of the generated examples have another one less than half "
        f"as far away as real examples usually lie from each other; {usual:.0%} of the real ones."
    )
    return [Fault("repeats", text, float(share), float(usual))]


def _surely_more(marked: np.ndarray, usual: np.ndarray) -> bool:
    """Whether more of one set is marked than of another, bool [n] and [m], beyond chance."""
    table = [[np.count_nonzero(part), np.count_nonzero(~part)] for part in (marked, usual)]
    return bool(stats.fisher_exact(table, "greater").pvalue <= UNLIKELY)


def _classes(fake, real, names) -> list[Fault]:
    """Classes that are missing, and those that are far too frequent."""
    found = []
    counts, usual = (np.bincount(labels, minlength=len(names)) for labels in (fake, real))
    for name, count, expected in zip(names, counts, usual, strict=True):
        share, real_share = count / len(fake), expected / len(real)
        table = [[count, len(fake) - count], [expected, len(real) - expected]]
        beside = f"{share:.1%} of the generated examples, {real_share:.1%} of the real ones"
        p_value = stats.fisher_exact(table).pvalue * len(names)
        if p_value > UNLIKELY:
            continue
        if share < _DROPPED * real_share:
            text = f"It drops class {name}: {beside}."
            found.append(Fault("drops_class", text, share, real_share))
        elif share > _MORE * real_share:
            text = f"Class {name} is too frequent: {beside}."
            found.append(Fault("proportions", text, share, real_share))
    return found


def _misses(fake, real) -> list[Fault]:
    """Real examples that lie farther from as many generated ones than from each other."""
    k = 3
    among = distances.nearest(real, real, k + 1)[0][:, k]
    reach = np.quantile(among, 0.9)
    away = distances.nearest(real, fake[:-1])[0][:, 0]
    near = distances.nearest(real, real, 2)[0][:, 1]
    share, usual_share = np.mean(away > reach), np.mean(near > reach)
    if share - usual_share < _MISSED or not _surely_more(away > reach, near > reach):
        return []
    text = (
        f"It misses part of the data: {share:.0%} of the real examples have no generated one near "
        f"by, where {usual_share:.0%} have no other real one."
    )
    return [Fault("misses", text, float(share), float(usual_share))]


def _texture(fake, real) -> list[Fault]:
    """Blur, and noise: how much pixels differ from the mean of their four neighbours."""
    if min(fake.shape[1:3]) < 3:
        return []
    steps = [_steps(images) for images in (fake, real)]
    ratio = _ratio(*(np.sqrt(np.mean(part**2, axis=1)) for part in steps))
    if ratio is not None and ratio < _DULL:
        text = (
            f"Blurred: neighbouring pixels of generated pictures differ {ratio:.2f} times as much "
            "as those of real ones."
        )
        return [Fault("blur", text, ratio, 1.0)]
    flat, usual = (np.quantile(part, 0.25, axis=1) for part in steps)
    difference = flat.mean() - usual.mean()
    error = np.sqrt(flat.var(ddof=1) / len(flat) + usual.var(ddof=1) / len(usual))
    if difference < max(_GRAIN, SURE * error):
        return []
    fake_levels, real_levels = 127.5 * float(flat.mean()), 127.5 * float(usual.mean())
    text = (
        f"Noisy: where pictures are flat, neighbouring pixels differ by {fake_levels:.1f} of 255 "
        f"levels; by {real_levels:.1f} in real ones."
    )
    return [Fault("noise", text, fake_levels, real_levels)]


def _steps(images) -> np.ndarray:
    """How far every inner pixel lies from the mean of its four neighbours, [n, pixels]."""
    inner = images[:, 1:-1, 1:-1]
    around = images[:, 2:, 1:-1] + images[:, :-2, 1:-1] + images[:, 1:-1, 2:] + images[:, 1:-1, :-2]
    return np.abs(inner - around / 4).reshape(len(images), -1)


def _ratio(values, usual) -> float | None:
    """Ratio of the geometric means of two samples; None where it may be 1."""
    tiny = np.finfo(np.float32).tiny
    a, b = np.log(np.maximum(values, tiny)), np.log(np.maximum(usual, tiny))
    error = np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    difference = a.mean() - b.mean()
    return float(np.exp(difference)) if abs(difference) > SURE * error else None


def _levels(fake, real) -> list[Fault]:
    """Brightness by channel, and contrast."""
    found = []
    names = {1: ("the pictures are",), 3: ("red is", "green is", "blue is")}[fake.shape[3]]
    for channel, name in enumerate(names):
        a, b = (images[..., channel].mean(axis=(1, 2)) for images in (fake, real))
        error = np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
        difference = float(a.mean() - b.mean())
        if abs(difference) > max(_BRIGHT, SURE * error):
            word = "dark" if difference < 0 else "bright"
            text = (
                f"Levels: {name} too {word} by {127.5 * abs(difference):.0f} of 255 levels on "
                "average."
            )
            found.append(Fault("brightness", text, float(a.mean()), float(b.mean())))
    ratio = _ratio(*(images.std(axis=(1, 2, 3)) for images in (fake, real)))
    if ratio is not None and not _DULL < ratio < _SHARP:
        text = f"Contrast: {ratio:.2f} times that of real pictures."
        found.append(Fault("contrast", text, ratio, 1.0))
    return found


def _shift(fake, real) -> list[Fault]:
    """A displacement of the mean picture that explains most of its difference from the real one, on
    every one of 20 random halves."""
    if min(fake.shape[1:3]) < 3 * FARTHEST:
        return []
    draw = np.random.default_rng(0)
    best = _displacement(fake.mean(axis=0), real.mean(axis=0))
    if best is None:
        return []
    for _ in range(20):
        halves = [x[draw.permutation(len(x))[: len(x) // 2]].mean(axis=0) for x in (fake, real)]
        if _displacement(*halves) != best:
            return []
    down, right = best
    where = [
        f"{abs(pixels)} {'pixel' if abs(pixels) == 1 else 'pixels'} {words[pixels < 0]}"
        for pixels, words in ((down, ("down", "up")), (right, ("right", "left")))
        if pixels
    ]
    text = f"Shifted: pictures lie {' and '.join(where)} of where real ones do."
    return [Fault("shift", text, float(np.hypot(down, right)), 0.0)]


def _displacement(fake, real) -> tuple[int, int] | None:
    """Rows and columns by which one picture lies off another; None where that explains less than
    half of their difference."""
    height, width, _ = real.shape
    reach = range(-FARTHEST, FARTHEST + 1)

    def off(down, right):
        rows = slice(max(0, down), min(height, height + down))
        columns = slice(max(0, right), min(width, width + right))
        back = (
            slice(rows.start - down, rows.stop - down),
            slice(columns.start - right, columns.stop - right),
        )
        return float(np.mean((fake[rows, columns] - real[back]) ** 2))

    found = min(itertools.product(reach, reach), key=lambda at: off(*at))
    return found if found != (0, 0) and off(*found) < off(0, 0) / 2 else None
