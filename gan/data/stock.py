"""Image sets of tensorflow-datasets, by name.

A set that is prepared as ArrayRecord files is read without TensorFlow. Preparing one needs
TensorFlow, so it happens in another process, once, where TensorFlow is installed:
`python -m gan.data.stock NAME DIR` prepares the set NAME below the folder DIR.
"""

import difflib
import importlib.util
import os
import re
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from gan import config
from gan.data import prepared
from gan.data.dataset import SPLITS, RawImages
from gan.data.source import Case, Source
from gan.errors import UserError
from gan.inputs import unknown
from gan.registries import SOURCES


def load(choice: config.Data, data_dir: str | None) -> RawImages:
    """The set `choice.name`, as in cifar10, cifar10:3.0.2 or CONFIGURED/CONFIG; see gan.data.load.

    A split of its own named test (or else validation) is the test split, and the last tenth of its
    training split the validation split, unless it has all three. With a training split alone, that
    is cut 80 : 10 : 10. Slices are in the order on disk, which tensorflow-datasets shuffles once.

    Args:
        choice: the field `data` of a config.
        data_dir: folder of prepared sets; None for the usual one.

    Raises:
        UserError: for an unknown name, a set that is not prepared and cannot be, or damaged data.
    """
    name = choice.name
    if not re.fullmatch(r"[a-z0-9_]+(/\w[\w.+-]*)?(:\d+\.\d+\.\d+)?", name):
        raise UserError(unknown("data set", name, SOURCES))
    base = re.split("[/:]", name)[0]
    root = prepared.usual(data_dir) if data_dir else prepared.root()
    directory = _find(name, root)
    if directory is None:
        known = tfds.list_builders(with_community_datasets=False)
        if base not in known:
            close = difflib.get_close_matches(base, known)
            message = unknown("data set", base, [*SOURCES, *close])
            raise UserError(f"{message}, or another image set of tensorflow-datasets")
        _prepare(name, base, root)
        directory = _find(name, root)
    if directory is None:
        raise UserError(f"{name} was prepared, but is not below {root}")
    info = prepared.opened(name, directory).info
    stored = info.file_format.value
    if stored != "array_record":
        raise UserError(
            f"{name} in {directory} is stored as {stored}, which needs TensorFlow to read\n"
            f"delete it and prepare it again: {_command(name, root)}"
        )
    splits = _splits(name, list(info.splits))
    return prepared.raw_images(name, directory, splits, image_size=choice.image_size)


def outline(name: str) -> tuple[tuple[int | None, int | None, int], int]:
    """(shape of an image, number of classes) that tensorflow-datasets states of a set, which need
    not be prepared; a side that differs from image to image is None.

    Raises:
        UserError: it knows no set of that name, or one without images.
    """
    base = re.split("[/:]", name)[0]
    try:
        features = tfds.builder(base, data_dir=os.devnull).info.features
    except tfds.core.DatasetNotFoundError:
        raise UserError(unknown("data set", name, SOURCES)) from None
    images = [f for f in features.values() if isinstance(f, tfds.features.Image)]
    labels = [f for f in features.values() if isinstance(f, tfds.features.ClassLabel)]
    if not images:
        raise UserError(f"{name} has no images")
    return images[0].shape, labels[0].num_classes if labels else 1


def _find(name: str, root: Path) -> Path | None:
    path, _, version = name.partition(":")
    if not os.path.isdir(root / path):
        return None
    info = f"{version or '*'}/dataset_info.json"
    found = list((root / path).glob(info)) or list((root / path).glob(f"*/{info}"))
    folders = [file.parent for file in found if tfds.core.Version.is_valid(file.parent.name)]
    configs = sorted({folder.parent for folder in folders})
    if len(configs) > 1:
        names = ", ".join(f"{path}/{config.name}" for config in configs)
        raise UserError(f"{path} is prepared in several configurations; name one of {names}")
    return max(folders, key=lambda folder: tfds.core.Version(folder.name), default=None)


def _splits(name: str, found: list[str]) -> dict[str, str]:
    if "train" not in found:
        raise UserError(f"{name} has no split named train; it has {', '.join(found)}")
    if set(SPLITS) <= set(found):
        return {split: split for split in SPLITS}
    for test in ("test", "validation"):
        if test in found:
            return {"train": "train[:90%]", "validation": "train[90%:]", "test": test}
    return {"train": "train[:80%]", "validation": "train[80%:90%]", "test": "train[90%:]"}


def _command(name: str, root: Path | str) -> str:
    return f"python -m gan.data.stock {name} {root}"


def _prepare(name: str, base: str, root: Path) -> None:
    for module in ("tensorflow", "importlib_resources"):
        if importlib.util.find_spec(module) is None:
            raise UserError(
                f"{name} is not prepared below {root}, and preparing it needs TensorFlow\n"
                f"where the extra 'tf' is installed, run: {_command(name, root)}"
            )
    _check_online(name, base)
    print(f"preparing {name} below {root}, once", file=sys.stderr)
    # Another process, so that TensorFlow takes no memory of this one's devices.
    finished = subprocess.run(
        [sys.executable, "-m", "gan.data.stock", name, str(root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if finished.returncode:
        last = (finished.stdout.strip().splitlines() or ["no message"])[-1]
        raise UserError(f"preparing {name} failed: {last[:300]}\nto see it: {_command(name, root)}")


def _check_online(name: str, base: str) -> None:
    """Raises UserError if the server of the set's first download does not answer in 10 seconds."""
    urls = sorted(tfds.builder_cls(base).url_infos)
    if not urls:
        return
    parts = urllib.parse.urlsplit(urls[0])
    server = f"{parts.scheme}://{parts.netloc}/"
    try:
        urllib.request.urlopen(urllib.request.Request(server, method="HEAD"), timeout=10).close()
    except urllib.error.HTTPError:
        return  # it answers
    except OSError as error:
        raise UserError(
            f"{name} is not prepared, and its server {server} does not answer: {error}\n"
            f"on a machine with a network run: {_command(name, 'DIR')}; copy DIR here and "
            "pass it as data_dir"
        ) from error


def _miniature(folder: Path) -> RawImages:
    """A set that it prepares."""

    def splits() -> prepared.Arrays:
        labels = np.arange(12, dtype=np.int32) % 2
        pixels = np.arange(8 * 8 * 3) * np.arange(1, 13)[:, None] % 251
        images = pixels.reshape(12, 8, 8, 3).astype(np.uint8)
        return {split: (images + row, labels) for row, split in enumerate(SPLITS)}

    prepared.prepare("stock", splits, (8, 8, 3), ("a", "b"))
    return load(config.Data(name="gan_stock"), str(folder))


# With an annotation, since it is no name: it stands for all that are none of ours.
tensorflow_datasets: Source = Source(
    help="any image set of tensorflow-datasets, by its name there",
    load=load,
    case=Case(shape=(8, 8, 3), classes=2, fingerprint="7d188796d69d4fc4", load=_miniature),
)


if __name__ == "__main__":
    _, chosen, folder = sys.argv
    tfds.builder(chosen, data_dir=folder, file_format="array_record").download_and_prepare()
