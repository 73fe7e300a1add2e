"""What is learned from: images by split, and laws of points in the plane.

`load` returns a `Dataset` (images) or a `Measure` (points); both have one protocol, which Dataset
documents: name, shape, num_classes, class_names, arrays, streamed, modes, base, fingerprint, notes,
and batch, size, examples. Labels are int32 in 0 .. num_classes - 1. Where data are read from, by
name:

- gaussians8, gaussians25, swiss_roll, two_moons, checkerboard: sampled (gan.data.toys);
- digits: scikit-learn's copy (gan.data.digits);
- mnist, fashion_mnist: the published idx files (gan.data.idx);
- stacked_digits, stacked_mnist, stacked_fashion_mnist: three images of those as the channels of
  one, 1,000 classes (gan.data.stacked);
- folder: a folder of image files (gan.data.folder);
- any other name: an image set of tensorflow-datasets (gan.data.stock).
"""

import dataclasses
import sys
from typing import Any

import jax

from gan import config
from gan.data.dataset import SPLITS, Dataset, Source
from gan.data.toys import MEASURES, Measure, Modes
from gan.errors import UserError

__all__ = ["MEASURES", "SPLITS", "Dataset", "Measure", "Modes", "Source", "describe", "load"]


def load(choice: config.Data, data_dir: str | None = None) -> Dataset | Measure:
    """The data set that `choice` describes, verified; its notes are written to stderr.

    digits, mnist and fashion_mnist are prepared once below $TFDS_DATA_DIR, or
    ~/tensorflow_datasets.

    Args:
        choice: the field `data` of a gan.config.Config.
        data_dir: where the user keeps data: the idx files of mnist or fashion_mnist, or the
            prepared sets of tensorflow-datasets. None looks in the usual places.

    Raises:
        UserError: for an unknown name, missing or damaged data, or options that do not go together;
            the message says how to get the data.
        StorageError: if the folder of prepared sets cannot be written.
    """
    for field in ("folder", "splits", "skip_unreadable", "largest_megapixels"):
        if getattr(choice, field) != getattr(config.Data(), field) and choice.name != "folder":
            raise UserError(f"data.{field} goes with data.name 'folder', not with {choice.name!r}")
    if data_dir == "":
        raise UserError("data_dir is empty: name a folder, or leave it out")
    if choice.name in MEASURES:
        for field in ("image_size", "dequantize"):
            if getattr(choice, field):
                raise UserError(f"data.{field} is for images; {choice.name} is a planar law")
        if choice.stream == "always":
            raise UserError(f"data.stream is for images; {choice.name} is a planar law")
        return Measure(choice.name)
    source = _source(choice, data_dir)
    dataset = Dataset(source, dequantize=choice.dequantize, stream=choice.stream)
    if jax.process_index() == 0:
        for note in dataset.notes:
            print(f"{dataset.name}: {note}", file=sys.stderr, flush=True)
    return dataset


def _source(choice: config.Data, data_dir: str | None) -> Source:
    # Imported when needed: tensorflow-datasets and scikit-learn take a while.
    if choice.name == "folder":
        from gan.data import folder

        return folder.load(choice)
    if choice.name == "digits":
        from gan.data import digits

        return digits.load(choice.image_size)
    from gan.data import idx, stacked, stock

    if choice.name in stacked.BASES:
        base = dataclasses.replace(choice, name=stacked.BASES[choice.name])
        return stacked.stack(choice.name, _source(base, data_dir))
    if choice.name in idx.TABLE:
        return idx.load(idx.TABLE[choice.name], data_dir, choice.image_size)
    ours = ["digits", "folder", *idx.TABLE, *stacked.BASES, *MEASURES]
    return stock.load(choice.name, data_dir, choice.image_size, ours)


def describe(dataset: Dataset | Measure) -> dict[str, Any]:
    """What identifies a data set, ready for JSON: a run keeps it and refuses other data.

    The notes, where there are any, are kept with it and identify nothing.
    """
    notes = {"notes": list(dataset.notes)} if dataset.notes else {}
    return {
        "name": dataset.name,
        "shape": list(dataset.shape),
        "class_names": list(dataset.class_names),
        "sizes": {split: dataset.size(split) for split in SPLITS},
        "fingerprint": dataset.fingerprint,
        **notes,
    }
