"""Images that tensorflow-datasets keeps on disk as ArrayRecord files, read without TensorFlow.

`prepare` writes a set of ours there once; `raw_images` opens a directory that it, or anyone else's
tensorflow-datasets, has prepared. Import this module lazily: tensorflow-datasets takes a while.
"""

import contextlib
import dataclasses
import hashlib
import io
import json
import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from array_record.python.array_record_module import ArrayRecordReader

from gan.data import pictures, regular
from gan.data.dataset import SPLITS, RawImages, digest, finish_digest
from gan.errors import GanError, StorageError, UserError

Arrays = dict[str, tuple[np.ndarray, np.ndarray]]
"""Raw images, uint8 [n, h, w, c], and labels, int32 [n], of each split."""

_BLOCK = 256
_DIGESTS = "sha256"

# Advice to install another decoder, once per process.
logging.getLogger("absl").addFilter(lambda record: "OpenCV" not in record.getMessage())


def root() -> Path:
    """The folder of prepared sets: $TFDS_DATA_DIR, or ~/tensorflow_datasets."""
    return usual(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets")


def usual(folder: str) -> Path:
    """A folder as users name it, ~ for their home, as an absolute path."""
    return Path(os.path.expanduser(folder)).absolute()


class _Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """Writes arrays that are in memory, in their order, and the digest of every split."""

    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, *, make: Callable[[], Arrays], shape, class_names, **options: Any):
        self._make = make
        self._shape = shape
        self._class_names = class_names
        super().__init__(**options)

    def _info(self) -> tfds.core.DatasetInfo:
        features = {
            "image": tfds.features.Tensor(shape=self._shape, dtype=np.uint8, encoding="bytes"),
            "label": tfds.features.ClassLabel(names=self._class_names),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
            disable_shuffling=True,
            metadata=tfds.core.MetadataDict(),
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator]:
        splits = self._make()
        self.info.metadata[_DIGESTS] = {s: digest(*splits[s]) for s in SPLITS}
        return {split: self._generate_examples(*splits[split]) for split in SPLITS}

    def _generate_examples(self, images: np.ndarray, labels: np.ndarray) -> Iterator:
        for row, (image, label) in enumerate(zip(images, labels, strict=True)):
            yield row, {"image": image, "label": int(label)}


def prepare(
    name: str, make: Callable[[], Arrays], shape: tuple[int, int, int], class_names: tuple[str, ...]
) -> Path:
    """Directory of the prepared set `name` below root(), written by `make()` if it is not there.

    Several processes may prepare at once: each writes a directory of its own and the first rename
    wins.

    Raises:
        StorageError: if the folder cannot be written; the message names it.
    """
    directory = root() / f"gan_{name}" / str(_Builder.VERSION)
    if os.path.exists(directory):
        return directory
    cls = type(f"gan_{name}", (_Builder,), {"name": f"gan_{name}"}, skip_registration=True)
    try:
        with _quiet():
            builder = cls(
                make=make,
                shape=shape,
                class_names=list(class_names),
                data_dir=root(),
                file_format="array_record",
            )
            builder.download_and_prepare()
    except OSError as error:
        if os.path.exists(directory):  # another process was first
            return directory
        raise StorageError(
            f"cannot prepare {name} below {root()}: {error}\n"
            "set TFDS_DATA_DIR to a folder that can be written"
        ) from error
    return directory


def own(
    name: str,
    make: Callable[[], Arrays],
    shape: tuple[int, int, int],
    class_names: tuple[str, ...],
    *,
    image_size: int,
    levels: int = 256,
) -> RawImages:
    """A set of ours, prepared on first use: `prepare`, then `raw_images` of its own splits."""
    directory = prepare(name, make, shape, class_names)
    splits = {split: split for split in SPLITS}
    return raw_images(
        name, directory, splits, image_size=image_size, levels=levels, class_names=class_names
    )


def raw_images(
    name: str,
    directory: Path,
    splits: dict[str, str],
    *,
    image_size: int,
    levels: int = 256,
    class_names: tuple[str, ...] | None = None,
) -> RawImages:
    """The prepared set in `directory`.

    Record counts are checked here, ArrayRecord's checksums whenever rows are read, and the digests
    that `prepare` recorded whenever a whole split is.

    Args:
        name: the data set, for messages.
        directory: holds dataset_info.json and the ArrayRecord files.
        splits: for each of SPLITS, the slice in the language of tensorflow-datasets.
        image_size: side of the images; 0 for the set's own size.
        levels: pixel levels on disk; resized images always have 256.
        class_names: names of the classes of a set that `prepare` wrote; None takes those on record.

    Raises:
        UserError: for damaged or unsuitable data; the message names the directory.
    """
    builder = opened(name, directory)
    with _damage(name, directory):
        _check_counts(builder.info)
        sizes = {split: builder.info.splits[splits[split]].num_examples for split in SPLITS}
        if min(sizes.values()) == 0:
            raise UserError(f"{name} has too few images for three splits: {sizes}")
        records = {split: builder.as_data_source(split=splits[split]) for split in SPLITS}
        digests = dict(builder.info.metadata or {}).get(_DIGESTS, {})
        if class_names and sorted(digests) != sorted(SPLITS):
            raise ValueError("the digests of its splits are missing")
        identity = json.dumps(digests or _described(directory), sort_keys=True)
        image_key, stored = _image_feature(name, builder.info.features)
        label_key, names = _label_feature(builder.info.features)
        if class_names not in (None, names):
            raise ValueError("the names of its classes differ")
    shape = pictures.target_shape(name, stored, image_size)
    reader = _Reader(records, image_key, label_key, len(names), stored, shape, levels, digests)

    def read(split: str, rows: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        with _damage(name, directory):
            return reader.whole(split, sizes[split]) if rows is None else reader.rows(split, rows)

    levels_read = levels if shape == stored else 256
    return RawImages(name, shape, levels_read, names, sizes, identity, read)


@dataclasses.dataclass(frozen=True)
class _Reader:
    """Reads the records of a prepared set; raises whatever is wrong with them.

    Attributes:
        records: of each split, a data source of tensorflow-datasets.
        image_key, label_key: of a record; None where there are no labels.
        classes: number of classes.
        stored, shape: of the images on disk, and as they are to be.
        levels: of the pixels on disk.
        digests: of each split, or {}.
    """

    records: dict[str, Any]
    image_key: str
    label_key: str | None
    classes: int
    stored: tuple[int, ...]
    shape: tuple[int, int, int]
    levels: int
    digests: dict[str, str]

    def rows(
        self, split: str, rows: np.ndarray, see: Callable[[Any], None] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Images and labels of these rows; `see` gets the images as stored, a block at a time."""
        images = np.empty((len(rows), *self.shape), np.uint8)
        labels = np.zeros(len(rows), np.int32)

        def fill(start: int) -> np.ndarray | None:
            block = slice(start, start + _BLOCK)
            examples = self.records[split].__getitems__(rows[block].tolist())
            raw = [example[self.image_key] for example in examples]
            if self.label_key:
                labels[block] = [example[self.label_key] for example in examples]
            images[block] = [self.resized(image) for image in raw]
            return np.stack(raw) if see else None

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for raw in pool.map(fill, range(0, len(rows), _BLOCK)):
                if see and raw is not None:
                    see(raw)
        if len(labels) and not (0 <= labels.min() and labels.max() < self.classes):
            raise ValueError("a label is outside the classes")
        return images, labels

    def whole(self, split: str, size: int) -> tuple[np.ndarray, np.ndarray]:
        """All images and labels of a split, against its digest where there is one."""
        sha = hashlib.sha256()
        images, labels = self.rows(split, np.arange(size), sha.update if self.digests else None)
        if self.digests and finish_digest(sha, self.stored, labels) != self.digests[split]:
            raise ValueError(f"the digest of {split} does not match")
        return images, labels

    def resized(self, image: np.ndarray) -> np.ndarray:
        """An image on disk as it is to be."""
        if self.shape == self.stored:
            return image
        return pictures.fit(image, self.shape, self.levels)


def opened(name: str, directory: Path) -> tfds.core.DatasetBuilder:
    """The read-only builder of the prepared set in `directory`.

    Raises:
        UserError: if the description there is damaged; the message names the directory.
    """
    with _damage(name, directory), _quiet():
        for path in directory.iterdir():
            found = regular.kind(path.stat().st_mode)
            if found not in (None, "folder"):  # opening it might never end
                raise ValueError(f"{path.name} is a {found}")
        return tfds.builder_from_directory(directory)


@contextlib.contextmanager
def _damage(name: str, directory: Path) -> Iterator[None]:
    """Reports any error of reading `directory` as a UserError that says what to delete."""
    try:
        yield
    except (GanError, MemoryError, Warning):
        raise
    except PermissionError as error:
        raise UserError(f"the prepared data of {name} cannot be read: {error}") from error
    except Exception as error:
        # Pillow names the buffer that it was given, which tells nobody anything.
        first = re.sub(r" ?'?<_io\.[^>]*>'?", "", (str(error).splitlines() or [""])[0])[:200]
        raise UserError(
            f"the prepared data of {name} are damaged ({type(error).__name__}: {first})\n"
            f"delete {directory} and start again to prepare them anew"
        ) from error


def _check_counts(info: tfds.core.DatasetInfo) -> None:
    for split in info.splits.values():
        for path, expected in zip(split.filepaths, split.shard_lengths, strict=True):
            reader = ArrayRecordReader(str(path))
            found = reader.num_records()
            reader.close()
            if found != expected:
                raise ValueError(f"{path.name} holds {found} records, not {expected}")


def _described(directory: Path) -> dict[str, str]:
    """SHA-256 of the files that describe a set: names, counts, sizes and, if known, checksums."""
    files = [path for path in directory.iterdir() if path.suffix in (".json", ".txt")]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _image_feature(name: str, features: Any) -> tuple[str, tuple]:
    for key, feature in features.items():
        shape = tuple(feature.shape or ())
        if key == "image" or isinstance(feature, tfds.features.Image):
            if len(shape) == 3 and feature.np_dtype == np.uint8:
                return key, shape
    raise UserError(f"{name} has no 8-bit images; it has {', '.join(features)}")


def _label_feature(features: Any) -> tuple[str | None, tuple[str, ...]]:
    if "label" in features and isinstance(features["label"], tfds.features.ClassLabel):
        return "label", tuple(features["label"].names)
    return None, ("all",)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the progress bars, prints and deprecations of tensorflow-datasets off the terminal."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    tfds.disable_progress_bar()
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        tfds.enable_progress_bar()
        logger.setLevel(level)
