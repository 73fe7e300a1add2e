"""The features of published scores: those of Inception-v3, with weights that the user has.

The file is `pt_inception-2015-12-05-6726825d.pth` of pytorch-fid, which torch-fidelity offers as
`weights-inception-2015-12-05-6726825d.pth`. It is read without PyTorch, and can be kept as .npz,
which remembers the SHA-256 of the file it came from. Weights of any other hash give features too,
but scores in them are not those that the field publishes, and get no such name. Hashes find damage
and confusion; they are no defence against a forged .npz.
"""

import dataclasses
import functools
import hashlib
import io
import json
import operator
import os
import re
from typing import Any

import jax
import numpy as np

from gan.errors import UserError
from gan.files import read_bytes, replacing, shortened
from gan.networks import inception as network
from gan.precise import in_full
from gan.scores import torch_files
from gan.scores.classifier import hashed
from gan.scores.requirements import INCEPTION_SHA256
from gan.scores.space import Features

BATCH = {"cpu": 8}
"""Images per call of the network, by backend; a last batch is filled up, so that one program
serves all."""

OTHER_BATCH = 64
"""The same on accelerators."""

LARGEST_FILE = 1 << 30
"""Bytes of a file that is looked into; the published one has 95,628,359."""

EPSILON = 1e-3
"""What the network's batch normalisation adds to a variance."""

VERSION = 1
"""Of the .npz files: stands for the network and for how its weights are kept."""

HOW = (
    "8-bit levels, grey images repeated to 3 channels, resized to 299 x 299 as TensorFlow 1 does, "
    "float32"
)
"""How images become features, for whoever prints a score."""

_UNUSED = re.compile(r"fc\.bias|.*\.num_batches_tracked")
"""Names of weights that no feature depends on."""


@dataclasses.dataclass(frozen=True, eq=False)
class Inception:
    """The network with its weights.

    Attributes:
        sha256: of the file of torch.save that the weights came from, 64 hex digits.
        leaves: parameters by path, as in gan.networks.inception.shapes.
        batch: images per call; None for what suits the backend.
    """

    sha256: str
    leaves: dict[str, np.ndarray] = dataclasses.field(repr=False)
    batch: int | None = None

    @property
    def published(self) -> bool:
        """Whether these are the weights that published scores use."""
        return self.sha256 == INCEPTION_SHA256

    @property
    def description(self) -> str:
        """One line that stands beside every score: the weights' hash, what is done to images."""
        which = "the published ones" if self.published else "NOT the published ones"
        return f"Inception-v3, weights {self.sha256[:12]} ({which}), {HOW}"

    def outputs(self, examples: np.ndarray) -> network.Outputs:
        """Layers and logits, float32 on the host, of images [n, h, w, 1 or 3].

        Args:
            examples: uint8, or float in [-1, 1], which is rounded to the level of an 8-bit file.

        Raises:
            UserError: for examples that are no such images.
        """
        images = levels(examples)
        size = self.batch or BATCH.get(jax.default_backend(), OTHER_BATCH)
        found = []
        for start in range(0, len(images), size):
            block = images[start : start + size]
            filled = np.zeros((size, *images.shape[1:]), np.uint8)
            filled[: len(block)] = block
            outputs = jax.device_get(_applied(self._params, _resized(filled)))
            rows = slice(len(block))
            found.append(jax.tree.map(operator.itemgetter(rows), outputs))
        return jax.tree.map(lambda *parts: np.concatenate(parts), *found)

    def features(self, examples: np.ndarray) -> np.ndarray:
        """The last layer, float32 [n, 2048], of images; see `outputs`."""
        return self.outputs(examples).layers[network.WIDTHS[-1]]

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Logits without bias, float64 [n, 1008], of the features [n, 2048] of images."""
        kernel = self.leaves["fc/kernel"].astype(np.float64)
        return np.asarray(features, np.float64) @ kernel

    @functools.cached_property
    def _params(self) -> Any:
        return jax.device_put(network.tree(self.leaves))


def load(path: str) -> Features:
    """The features that `--features inception:FILE` names; see `read`."""
    found = read(path)
    return Features(found.features, found.description, found.logits, found.sha256)


def read(path: str) -> Inception:
    """The network from a file of weights: one of torch.save, or a .npz from `write`.

    Raises:
        UserError: if the file is missing, damaged or something else.
    """
    path = os.path.expanduser(path)
    content = _content(path)
    if path.lower().endswith(".npz"):
        return _kept(path, content)
    sha256 = hashlib.sha256(content).hexdigest()
    promised = re.search(r"-([0-9a-f]{8,64})\.[^.]*$", os.path.basename(path))
    if promised and not sha256.startswith(promised[1]):
        raise UserError(
            f"{shortened(path)} is damaged or another file: by its name its SHA-256 starts with "
            f"{promised[1]}, but it is {sha256}"
        )
    try:
        return Inception(sha256, _leaves(torch_files.read(content)))
    except ValueError as error:
        raise UserError(f"{shortened(path)} holds no weights of Inception-v3: {error}") from error


def write(path: str, found: Inception) -> None:
    """Keeps the network in a .npz file, which takes the place of `path` at once.

    Raises:
        StorageError: it cannot be written.
    """
    record = {"version": VERSION, "sha256": found.sha256, "content": hashed(found.leaves)}
    with replacing(path) as file:
        np.savez(file, record=np.array(json.dumps(record)), **found.leaves)


def levels(examples: np.ndarray) -> np.ndarray:
    """Images as an 8-bit file would hold them, uint8 [n, h, w, 3].

    Args:
        examples: [n, h, w, 1 or 3], uint8 or float in [-1, 1]; float images of a data set get
            their own levels back.

    Raises:
        UserError: for another shape, another range, or numbers that are not finite.
    """
    examples = np.asarray(examples)
    if examples.ndim != 4 or not examples.size or examples.shape[-1] not in (1, 3):
        raise UserError(
            f"Inception-v3 takes images [n, height, width, 1 or 3], got shape {examples.shape}"
        )
    if examples.dtype != np.uint8:
        if not np.abs(examples).max() <= 1.001:  # which NaN is not either
            raise UserError("Inception-v3 takes images in uint8, or as finite numbers in [-1, 1]")
        examples = np.rint((np.clip(examples, -1, 1) + 1) * 127.5).astype(np.uint8)
    return np.broadcast_to(examples, (*examples.shape[:-1], 3))


_resized = jax.jit(in_full(network.resized))
_applied = jax.jit(in_full(network.apply))


def _content(path: str) -> bytes:
    try:
        if os.path.isfile(path) and os.path.getsize(path) > LARGEST_FILE:
            raise UserError(
                f"{shortened(path)} has {os.path.getsize(path):,} bytes: weights of Inception-v3 "
                f"have a tenth of {LARGEST_FILE:,}"
            )
        return read_bytes(path)
    except OSError as error:
        raise UserError(f"cannot read {shortened(path)}: {error.strerror or error}") from error


def _leaves(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Parameters by path from tensors by name.

    Raises:
        ValueError: if one is missing, unknown, of another shape, or no number.
    """
    arrays = {name: array for name, array in arrays.items() if not _UNUSED.fullmatch(name)}
    expected = {name: shape for parts in _names().values() for name, shape in parts.items()}
    for name in sorted(expected.keys() ^ arrays.keys()):
        raise ValueError(f"{name} is {'missing' if name in expected else 'unknown'}")
    for name, shape in expected.items():
        array = arrays[name]
        if array.shape != shape or array.dtype.kind != "f" or not np.isfinite(array).all():
            raise ValueError(
                f"{name} must be finite numbers {shape}, is {array.dtype} {array.shape}"
            )
    leaves = {}
    for layer, names in _names().items():
        kernel, *normalisation = (arrays[name].astype(np.float64) for name in names)
        if not normalisation:
            leaves[f"{layer}/kernel"] = kernel.T
            continue
        weight, bias, mean, variance = normalisation
        if variance.min() < 0:
            raise ValueError(f"{layer} has a negative variance")
        scale = weight / np.sqrt(variance + EPSILON)
        leaves[f"{layer}/kernel"] = kernel.transpose(2, 3, 1, 0)
        leaves[f"{layer}/scale"], leaves[f"{layer}/offset"] = scale, bias - mean * scale
    return {path: np.ascontiguousarray(leaf, np.float32) for path, leaf in leaves.items()}


@functools.cache
def _names() -> dict[str, dict[str, tuple[int, ...]]]:
    """For each layer, by path, the tensors it is made from, with their shapes, in PyTorch's files:
    kernel, then weight, bias, mean and variance of the normalisation, if it has one."""
    found, shapes = {}, network.shapes()
    for path, shape in shapes.items():
        layer, _, leaf = path.rpartition("/")
        name = layer.replace("/", ".")
        if leaf != "kernel":
            continue
        if f"{layer}/scale" not in shapes:
            found[layer] = {f"{name}.weight": shape[::-1]}
            continue
        height, width, inputs, outputs = shape
        found[layer] = {f"{name}.conv.weight": (outputs, inputs, height, width)}
        for part in ("weight", "bias", "running_mean", "running_var"):
            found[layer][f"{name}.bn.{part}"] = (outputs,)
    return found


def _kept(path: str, content: bytes) -> Inception:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            leaves = dict(file)
        record = json.loads(str(leaves.pop("record")))
        sound = record["version"] == VERSION and record["content"] == hashed(leaves)
        sha256 = record["sha256"]
    except Exception:  # whatever a damaged file makes NumPy's and Python's parsers raise
        sound = False
    if not sound or {name: leaf.shape for name, leaf in leaves.items()} != network.shapes():
        raise UserError(
            f"{shortened(path)} is damaged, or none that experiments.inception has made"
        )
    return Inception(sha256, leaves)
