"""The pairs of laws that critics are trained on, by family."""

from collections.abc import Iterable

import numpy as np

from gan import data
from gan.config import Data
from gan.errors import UserError
from gan.inputs import unknown
from gan.transport import known_pairs
from gan.transport.known_pairs import KnownPair

CELLS = [(dim, count) for dim in (2, 4, 8, 16, 32, 64, 128) for count in (4, 16, 64, 256)]
"""Dimensions and numbers of funnels of the published grid (Korotin et al. 2022)."""

DIMS = (2, 16, 128)
"""Dimensions of the other families."""


def funnels(files: Iterable[str]) -> list[KnownPair]:
    """The published grid: the pairs of files in their cells, our own seeded ones in the others."""
    given = {(pair.dim, pair.family): pair for pair in map(known_pairs.load_funnels, files)}
    own = {(dim, f"{count} funnels"): (dim, count) for dim, count in CELLS}
    seeded = {key: known_pairs.seeded_funnels(*own[key]) for key in own if key not in given}
    return list((seeded | given).values())


def translations() -> list[KnownPair]:
    """A normal law and its translation by 1 along the diagonal."""
    normal = known_pairs.normal()
    return [known_pairs.translation(np.full(d, 1 / np.sqrt(d)), normal) for d in DIMS]


def dilations() -> list[KnownPair]:
    """A normal law and the one of half its standard deviation."""
    normal = known_pairs.normal()
    return [known_pairs.dilation(d, 0.5, normal) for d in DIMS]


def squeezes() -> list[KnownPair]:
    """A normal law and the one of half its standard deviation along the diagonal alone."""
    return [known_pairs.squeeze(d, 0.5) for d in DIMS]


def images() -> list[KnownPair]:
    """A law with mean and covariance of the digits, and its points half of the way to the nearest
    of 1, 4 and 16 digits."""
    pictures, _ = data.load(Data("digits")).examples("train")
    digits = np.asarray(pictures, np.float64).reshape(len(pictures), -1)
    mean = digits.mean(0)
    _, scales, axes = np.linalg.svd(digits - mean, full_matrices=False)
    law = known_pairs.affine_box(mean, (scales / np.sqrt(len(digits)))[:, None] * axes)
    return [known_pairs.pulled(digits[:n], 0.5, law, "digits") for n in (1, 4, 16)]


FAMILIES = {
    "translations": translations,
    "dilations": dilations,
    "squeezes": squeezes,
    "images": images,
}
"""Beside the funnels, by the name that --pairs takes."""

NAMES = ("files", "funnels", "translations", "dilations", "squeezes", "images")
"""All that --pairs takes."""


def choose(names: Iterable[str], files: list[str]) -> list[KnownPair]:
    """The pairs of the families.

    Args:
        names: some of NAMES; "funnels" is the grid, "files" are the pairs of the files alone.
        files: .npz files with funnels.

    Raises:
        UserError: for an unknown name, an unreadable file, or "files" without one.
    """
    pairs: dict[str, KnownPair] = {}
    for name in names:
        if name not in NAMES:
            raise UserError(unknown("family of pairs", name, NAMES))
        if name == "files" and not files:
            raise UserError("--pairs files needs --funnels FILE")
        if name in FAMILIES:
            found = FAMILIES[name]()
        elif name == "funnels":
            found = funnels(files)
        else:
            found = [known_pairs.load_funnels(path) for path in files]
        pairs |= {pair.fingerprint: pair for pair in found}
    return list(pairs.values())
