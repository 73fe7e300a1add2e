"""The real 8x8 digits of the UCI repository, from the copy that scikit-learn installs.

1,797 images of 43 writers, 17 grey levels (Alpaydin and Kaynak 1998). They are ordered there by
writer, so the rows are permuted before they are split.
"""

import hashlib

import numpy as np

from gan.config import Data
from gan.data.dataset import RawImages, shuffled
from gan.data.source import Case, Source
from gan.errors import UserError

SIZES = {"train": 1201, "validation": 198, "test": 398}
"""Images per split."""

LEVELS = 17
"""Each raw pixel counts the dark pixels, 0 .. 16, in a 4x4 block of the scan."""

_SHA256 = "fe61bc84cd6a594d5ed1b937b7d8f8f791d4091d2a9df91fe5d6066156a4db6e"


def load(choice: Data, data_dir: str | None = None) -> RawImages:
    """The digits, prepared on first use; see gan.data.load."""
    del data_dir
    from gan.data import prepared

    names = tuple("0123456789")
    return prepared.own(
        "digits", _splits, (8, 8, 1), names, image_size=choice.image_size, levels=LEVELS
    )


def _splits() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    from sklearn.datasets import load_digits

    published = load_digits()
    images = published.images.astype(np.uint8)[..., None]
    labels = published.target.astype(np.int32)
    found = hashlib.sha256(images.tobytes() + labels.astype("<i4").tobytes()).hexdigest()
    if found != _SHA256:
        raise UserError("scikit-learn's copy of the digits is damaged: install scikit-learn again")
    order = shuffled("digits", len(images))
    splits, start = {}, 0
    for split, size in SIZES.items():
        chosen = order[start : start + size]
        splits[split] = images[chosen], labels[chosen]
        start += size
    return splits


digits = Source(
    help="1,797 real 8 x 8 digits, installed with scikit-learn",
    source="Alpaydin and Kaynak 1998",
    load=load,
    licence="BSD-3-Clause, as scikit-learn distributes them",
    case=Case(shape=(8, 8, 1), classes=10, fingerprint="25597ffee730b09b"),
)
