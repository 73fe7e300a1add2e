"""The real 8x8 digits of the UCI repository, from the copy that scikit-learn installs.

1,797 images of 43 writers, 17 grey levels (Alpaydin and Kaynak 1998). The source is ordered by
writer, so its rows are permuted before they are split.
"""

import hashlib

import numpy as np

from gan.data.dataset import SPLITS, Source, shuffled
from gan.errors import UserError

SIZES = {"train": 1201, "validation": 198, "test": 398}
"""Images per split."""

LEVELS = 17
"""Each raw pixel counts the dark pixels, 0 .. 16, in a 4x4 block of the scan."""

_SHA256 = "fe61bc84cd6a594d5ed1b937b7d8f8f791d4091d2a9df91fe5d6066156a4db6e"


def load(image_size: int) -> Source:
    """The digits, prepared on first use; see gan.data.load."""
    from gan.data import prepared

    names = tuple("0123456789")
    directory = prepared.prepare("digits", _splits, (8, 8, 1), names)
    splits = {split: split for split in SPLITS}
    return prepared.source(
        "digits", directory, splits, image_size=image_size, levels=LEVELS, class_names=names
    )


def _splits() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    from sklearn.datasets import load_digits

    source = load_digits()
    images = source.images.astype(np.uint8)[..., None]
    labels = source.target.astype(np.int32)
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
