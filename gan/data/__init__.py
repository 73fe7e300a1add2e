"""What is learned from: images by split, and laws of points in the plane.

`load` returns a `Dataset` (images) or a `Measure` (points); both have one protocol, which Dataset
documents: name, shape, num_classes, class_names, arrays, streamed, modes, base, fingerprint, notes,
and batch, size, examples. Labels are int32 in 0 .. num_classes - 1. A new data set is one module
that assigns a `Source`, or one more assignment beside its like; see gan.data.source.
"""

import sys
from typing import Any

import jax

from gan import config
from gan.data.dataset import SPLITS, Dataset, RawImages
from gan.data.measure import Law, Measure, Modes
from gan.data.source import Source
from gan.errors import UserError
from gan.registries import SOURCES

__all__ = [
    "SPLITS",
    "Dataset",
    "Law",
    "Measure",
    "Modes",
    "RawImages",
    "Source",
    "dataset_of",
    "describe",
    "load",
]


def load(choice: config.Data, data_dir: str | None = None) -> Dataset | Measure:
    """The data set that `choice` describes, verified; its notes are written to stderr.

    Sets of published files are prepared once below $TFDS_DATA_DIR, or ~/tensorflow_datasets.

    Args:
        choice: the field `data` of a gan.config.Config.
        data_dir: where the user keeps data: the idx files of mnist or fashion_mnist, or the
            prepared sets of tensorflow-datasets. None looks in the usual places.

    Raises:
        UserError: for an unknown name, missing or damaged data, or options that do not go together;
            the message says how to get the data.
        StorageError: if the folder of prepared sets cannot be written.
    """
    if data_dir == "":
        raise UserError("data_dir is empty: name a folder, or leave it out")
    source = SOURCES.get(choice.name)
    source.check_choice(choice)
    dataset = dataset_of(choice, source.load(choice, data_dir))
    if jax.process_index() == 0:
        for note in dataset.notes:
            print(f"{dataset.name}: {note}", file=sys.stderr, flush=True)
    return dataset


def dataset_of(choice: config.Data, loaded: RawImages | Law) -> Dataset | Measure:
    """The data set that `choice` describes, of what its source has loaded.

    Args:
        choice: the data part of a config.
        loaded: images by split, or a distribution in the plane.
    """
    if isinstance(loaded, Law):
        return Measure(choice.name, loaded)
    return Dataset(loaded, dequantize=choice.dequantize, stream=choice.stream)


def describe(dataset: Dataset | Measure) -> dict[str, Any]:
    """What identifies a `dataset`, ready for JSON: a run keeps it and refuses other data.

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
