"""Image sets of tensorflow-datasets, by name.

A set that is prepared as ArrayRecord files is read without TensorFlow. Preparing one needs
TensorFlow, so it happens in another process, once, where TensorFlow is installed.
"""

import importlib.util
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable
from pathlib import Path

import tensorflow_datasets as tfds

from gan.config import unknown
from gan.data import prepared
from gan.data.dataset import SPLITS, Source
from gan.errors import UserError


def load(name: str, data_dir: str | None, image_size: int, ours: Iterable[str]) -> Source:
    """The set `name`, as in cifar10, cifar10:3.0.2 or CONFIGURED/CONFIG; see gan.data.load.

    A split of its own named test (or else validation) is the test split, and the last tenth of its
    training split the validation split, unless it has all three. With a training split alone, that
    is cut 80 : 10 : 10. Slices are in the order on disk, which tensorflow-datasets shuffles once.

    Args:
        name: data set, with an optional configuration and version.
        data_dir: folder of prepared sets; None for the usual one.
        image_size: side of the images; 0 for the set's own.
        ours: names of the sets that are not tensorflow-datasets', for the error message.

    Raises:
        UserError: for an unknown name, a set that is not prepared and cannot be, or damaged data.
    """
    root = Path(data_dir).expanduser().absolute() if data_dir else prepared.root()
    directory = _find(name, root)
    if directory is None:
        base = name.partition(":")[0].partition("/")[0]
        known = tfds.list_builders(with_community_datasets=False)
        if base not in known:
            raise UserError(unknown("data set", base, [*ours, *known]))
        _prepare(name, root)
        directory = _find(name, root)
    if directory is None:
        raise UserError(f"{name} was prepared, but is not below {root}")
    with prepared.damage(name, directory):
        info = tfds.builder_from_directory(directory).info
        stored = info.file_format.value
    if stored != "array_record":
        raise UserError(
            f"{name} in {directory} is stored as {stored}, which needs TensorFlow to read\n"
            f"delete it and prepare it again: {_command(name, root)}"
        )
    splits = _splits(name, list(info.splits))
    return prepared.source(name, directory, splits, image_size=image_size)


def _find(name: str, root: Path) -> Path | None:
    path, _, version = name.partition(":")
    pattern = f"{version or '*'}/dataset_info.json"
    found = list((root / path).glob(pattern)) or list((root / path).glob(f"*/{pattern}"))
    configs = sorted({info.parent.parent for info in found})
    if len(configs) > 1:
        names = ", ".join(f"{path}/{config.name}" for config in configs)
        raise UserError(f"{path} is prepared in several configurations; name one of {names}")
    folders = [info.parent for info in found]
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


def _arguments(name: str, root: Path) -> list[str]:
    return ["build", name, "--file_format=array_record", f"--data_dir={root}"]


def _command(name: str, root: Path) -> str:
    return " ".join(["tfds", *_arguments(name, root)])


def _prepare(name: str, root: Path) -> None:
    for module in ("tensorflow", "importlib_resources"):
        if importlib.util.find_spec(module) is None:
            raise UserError(
                f"{name} is not prepared below {root}, and preparing it needs TensorFlow\n"
                f"install the extra 'tf' (here or elsewhere) and run: {_command(name, root)}"
            )
    _check_online(name)
    print(f"preparing {name} below {root}, once", file=sys.stderr)
    finished = subprocess.run(
        [sys.executable, "-m", "tensorflow_datasets.scripts.cli.main", *_arguments(name, root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if finished.returncode:
        last = (finished.stdout.strip().splitlines() or ["no message"])[-1]
        raise UserError(f"preparing {name} failed: {last[:300]}\nrun: {_command(name, root)}")


def _check_online(name: str) -> None:
    """Raises UserError if the server of the set's first download does not answer in 10 seconds."""
    base = name.partition(":")[0].partition("/")[0]
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
            f"on a machine with a network run: {_command(name, Path('DIR'))}; copy DIR here and "
            "pass it as data_dir"
        ) from error
