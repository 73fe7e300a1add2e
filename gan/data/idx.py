"""MNIST and Fashion-MNIST from their four published idx.gz files.

LeCun et al. 1998; Xiao et al. 2017. 60,000 + 10,000 grey 28x28 images of 10 classes. The official
training set, in a fixed random order, is split into training and validation; test is the official
test set. An idx file is a big-endian header (magic number 0x08 0x03 for images, 0x08 0x01 for
labels; then one 32-bit count per axis) and the bytes. Distributors recompress the files, so what is
verified is the decompressed content.
"""

import dataclasses
import gzip
import hashlib
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gan.config import Data
from gan.data.dataset import RawImages, shuffled
from gan.data.regular import open_regular
from gan.data.source import Case, Source
from gan.errors import UserError
from gan.files import replacing

NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
"""The four files of a set."""


@dataclasses.dataclass(frozen=True)
class Files:
    """The idx files of one data set."""

    name: str
    class_names: tuple[str, ...]
    shape: tuple[int, int]
    """Height and width."""
    train: int
    """Images of the official training set."""
    validation: int
    """Images of the official training set that are held out."""
    test: int
    """Images of the official test set."""
    sha256: tuple[str, ...]
    """Checksums of the decompressed contents, in the order of NAMES."""
    folders: tuple[str, ...]
    """Where the files may be without being asked for."""
    obtain: str
    """How to get them, in one line."""


MNIST = Files(
    name="mnist",
    class_names=tuple("0123456789"),
    shape=(28, 28),
    train=60_000,
    validation=5_000,
    test=10_000,
    sha256=(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    folders=(),
    obtain="download its four files from https://storage.googleapis.com/cvdf-datasets/mnist/",
)

FASHION_MNIST = Files(
    name="fashion_mnist",
    class_names=(
        "T-shirt/top",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    ),
    shape=(28, 28),
    train=60_000,
    validation=5_000,
    test=10_000,
    sha256=(
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    folders=("/usr/share/datasets/fashion-mnist",),
    obtain="install Debian's package dataset-fashion-mnist, or download the four files of "
    "https://github.com/zalandoresearch/fashion-mnist",
)


def load(files: Files, data_dir: str | None, image_size: int) -> RawImages:
    """The set that `files` describes, prepared from them on first use; see gan.data.load.

    Args:
        files: which files, and what must be in them.
        data_dir: folder of the files, or a folder with a sub-folder of the set's name; None looks
            in `files.folders` only.
        image_size: side of the images; 0 for the set's own.

    Raises:
        UserError: if a file is missing or damaged; the message names it.
    """
    from gan.data import prepared

    shape = (*files.shape, 1)
    return prepared.own(
        files.name,
        lambda: _splits(files, data_dir),
        shape,
        files.class_names,
        image_size=image_size,
    )


def _splits(files: Files, data_dir: str | None) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    folder = _folder(files, data_dir)
    images, labels, test_images, test_labels = (
        _read(folder / name, shape, sha256, files.obtain)
        for name, shape, sha256 in zip(NAMES, _shapes(files), files.sha256, strict=True)
    )
    images, test_images = images[..., None], test_images[..., None]
    labels, test_labels = labels.astype(np.int32), test_labels.astype(np.int32)
    order = shuffled(files.name, files.train)
    validation, train = order[: files.validation], order[files.validation :]
    return {
        "train": (images[train], labels[train]),
        "validation": (images[validation], labels[validation]),
        "test": (test_images, test_labels),
    }


def _shapes(files: Files) -> list[tuple[int, ...]]:
    """Of the arrays in the four files, in the order of NAMES."""
    return [shape for n in (files.train, files.test) for shape in ((n, *files.shape), (n,))]


def _folder(files: Files, data_dir: str | None) -> Path:
    names = ("", files.name, files.name.replace("_", "-"))
    home = os.path.expanduser(data_dir or "")
    places = [Path(home, name) for name in names] if data_dir else []
    places += map(Path, files.folders)
    for place in places:
        if any(os.path.exists(place / name) for name in NAMES):
            return place
    looked = f"not in {', '.join(map(str, places))}" if places else "no data_dir was given"
    raise UserError(
        f"the idx.gz files of {files.name} are missing: {looked}\n"
        f"{files.obtain}; then pass their folder as data_dir"
    )


def _read(path: Path, shape: tuple[int, ...], sha256: str, obtain: str) -> np.ndarray:
    size = int(np.prod(shape))
    header = 4 * (1 + len(shape))
    try:
        with open_regular(path) as packed, gzip.open(packed) as file:
            # One byte too many would show, and asking for it checks the CRC at the end.
            content = file.read(header + size + 1)
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing\n{obtain}") from error
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path} cannot be read: {reason}\n{obtain}") from error
    expected = (0x800 + len(shape), *shape)
    found = struct.unpack(f">{len(expected)}I", content[:header].ljust(header, b"\0"))
    if found[0] != expected[0]:
        raise UserError(f"{path} has the magic number {found[0]:#x}, not {expected[0]:#x}")
    if found != expected:
        raise UserError(f"{path} declares the shape {found[1:]}, not {shape}")
    if len(content) != header + size:
        comparison = "fewer" if len(content) < header + size else "more"
        raise UserError(f"{path} holds {comparison} than the {size} bytes that it declares")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise UserError(f"{path} is damaged: its content has the wrong SHA-256\n{obtain}")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _loader(files: Files) -> Callable[[Data, str | None], RawImages]:
    return lambda choice, data_dir: load(files, data_dir, choice.image_size)


def _miniature(files: Files) -> Callable[[Path], RawImages]:
    """Loads a few images of fixed content from four files that it writes."""

    def write_and_load(folder: Path) -> RawImages:
        few = dataclasses.replace(files, train=30, validation=6, test=10)
        checksums = []
        for name, shape in zip(NAMES, _shapes(few), strict=True):
            rows = np.arange(shape[0])[:, None] + (1 if shape[0] == few.train else 101)
            pixels = rows * np.arange(np.prod(shape[1:], dtype=int)) % 251
            array = (pixels if len(shape) == 3 else rows % 10).reshape(shape).astype(np.uint8)
            header = struct.pack(f">{1 + len(shape)}I", 0x800 + len(shape), *shape)
            with replacing(folder / name) as file:
                file.write(gzip.compress(header + array.tobytes()))
            checksums.append(hashlib.sha256(header + array.tobytes()).hexdigest())
        return load(dataclasses.replace(few, sha256=tuple(checksums)), str(folder), 0)

    return write_and_load


mnist = Source(
    help="70,000 handwritten digits, 28 x 28, from the published idx files",
    source="LeCun et al. 1998",
    load=_loader(MNIST),
    licence="CC BY-SA 3.0, as the documentation of Keras says",
    case=Case(
        shape=(28, 28, 1), classes=10, fingerprint="475365e1c0c56eda", load=_miniature(MNIST)
    ),
)

fashion_mnist = Source(
    help="70,000 garments, 28 x 28, from the published idx files",
    source="Xiao et al. 2017",
    load=_loader(FASHION_MNIST),
    licence="MIT",
    case=Case(
        shape=(28, 28, 1),
        classes=10,
        fingerprint="d4adb22ad49c0223",
        load=_miniature(FASHION_MNIST),
    ),
)
