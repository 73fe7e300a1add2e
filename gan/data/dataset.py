"""Images by split, whose training batches are pure functions of a key.

`RawImages` say how raw images are read; a `Dataset` turns them into training batches and held-out
examples. A set that fits lives on the device and is indexed inside jit. One that does
not is streamed: the same batch in two halves, with the reading of the rows on the host in between.

Pixels: the raw level p in 0 .. levels - 1 becomes 2 p / (levels - 1) - 1, in [-1, 1]. With
`dequantize`, training batches are 2 (p + u) / levels - 1 instead, u ~ U[0, 1) drawn once per pixel,
so that levels become a density (Theis et al. 2016); held-out examples never carry noise.
"""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from gan.errors import UserError

SPLITS = ("train", "validation", "test")
"""The disjoint, fixed parts of every data set."""

DEVICE_LIMIT = 2 * 1024**3
"""Bytes of raw images, all splits together, above which `stream="auto"` streams."""


@dataclasses.dataclass(frozen=True)
class RawImages:
    """What the raw images of a data set look like, and how they are read."""

    name: str
    shape: tuple[int, int, int]
    """Height, width and channels (1 or 3) of every image that `read` returns."""
    levels: int
    """Number of pixel levels; raw values are in 0 .. levels - 1."""
    class_names: tuple[str, ...]
    """One name per label."""
    sizes: dict[str, int]
    """Number of images in each of SPLITS."""
    identity: str
    """Text that changes when the content does; stands for the content of a streamed set."""
    read: Callable[[str, np.ndarray | None], tuple[np.ndarray, np.ndarray]]
    """(split, rows [m] or None for all) -> (uint8 [m, *shape], int32 [m]); verifies what it
    reads."""
    base: "RawImages | None" = None
    """Set whose images are stacked as the channels of these (gan.data.stacked)."""
    notes: tuple[str, ...] = ()
    """What a user must know about what was read: left out, converted, put together; a line each."""


class Dataset:
    """A data set of images.

    Attributes:
        name: its name.
        shape: (h, w, c) of one example.
        levels: number of raw pixel levels.
        num_classes, class_names: what the labels mean; one class "all" when there are none.
        streamed: whether batches are read from disk.
        arrays: device arrays that `batch` indexes inside jit, images as rows [n, h w c]; {} when
            streamed.
        dequantize: whether training batches carry noise of one level.
        modes: None; planar mixtures have modes.
        fingerprint: 16 hex digits that change when the content of any split does.
        notes: what was left out or converted while the set was read, a line each.
    """

    modes = None

    def __init__(
        self, raw: RawImages, *, dequantize: bool, stream: Literal["auto", "always", "never"]
    ):
        """Data set over `raw`; see gan.config.Data for `dequantize` and `stream`."""
        self._images = raw
        self.name = raw.name
        self.shape = raw.shape
        self.levels = raw.levels
        self.class_names = raw.class_names
        self.notes = raw.notes
        self.num_classes = len(raw.class_names)
        self.dequantize = dequantize
        self.streamed = _is_streamed(raw, stream)
        self._splits: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self.arrays: dict[str, Any] = {}
        content = raw.identity
        if not self.streamed:
            self._splits = {split: raw.read(split, None) for split in SPLITS}
            images, labels = self._splits["train"]
            rows = images.reshape(len(images), -1)
            self.arrays = {"images": jnp.asarray(rows), "labels": jnp.asarray(labels)}
            content = " ".join(digest(*self._splits[split]) for split in SPLITS)
        self.fingerprint = fingerprint(
            [raw.name, raw.shape, raw.levels, raw.class_names, raw.sizes, content]
        )

    @functools.cached_property
    def base(self) -> "Dataset | None":
        """The set whose images are stacked as the channels of these, read when asked for; None for
        a set that is not stacked."""
        raw = self._images.base
        return None if raw is None else Dataset(raw, dequantize=False, stream="auto")

    def batch(self, arrays: Any, key: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
        """Training batch: pure, a function of `key` alone, for use inside jit.

        Equals `finish(read(indices(key, count)), key)` bit for bit.

        Args:
            arrays: the attribute `arrays`, passed through jit as an argument.
            key: randomness of rows and noise.
            count: number of examples, drawn uniformly with replacement.

        Returns:
            Examples, float32 [count, *shape] in [-1, 1], and labels, int32 [count].

        Raises:
            ValueError: if the set is streamed.
        """
        if self.streamed:
            raise ValueError(f"{self.name} is streamed: use indices, read and finish")
        rows = self.indices(key, count)
        raw = arrays["images"][rows].reshape(count, *self.shape)
        return self.finish(raw, key), arrays["labels"][rows]

    def indices(self, key: jax.Array, count: int) -> jax.Array:
        """Rows of the training split, int32 [count], uniform with replacement; pure."""
        row_key, _ = jax.random.split(key)
        return jax.random.randint(row_key, (count,), 0, self.size("train"), jnp.int32)

    def read(self, indices: Any) -> tuple[np.ndarray, np.ndarray]:
        """Raw training images, uint8 [count, *shape], and labels, int32 [count]; on the host."""
        return self._raw("train", indices)

    def finish(self, raw: jax.Array, key: jax.Array) -> jax.Array:
        """Raw training images as float32 in [-1, 1], with noise from `key` when dequantised;
        pure."""
        # One rounded product at the end: compiled and eager code cannot round differently.
        pixels = jnp.asarray(raw).astype(jnp.float32)
        if self.dequantize:
            _, noise_key = jax.random.split(key)
            pixels = pixels + jax.random.uniform(noise_key, pixels.shape)
            return (pixels - self.levels / 2) * (2 / self.levels)
        return (pixels - (self.levels - 1) / 2) * (2 / (self.levels - 1))

    def size(self, split: str) -> int:
        """Number of examples of a split: train, validation or test."""
        return self._images.sizes[known_split(split)]

    def examples(self, split: str, indices: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """Examples of a split without noise, in a fixed order; on the host.

        Args:
            split: train, validation or test.
            indices: rows in 0 .. size(split) - 1; None for all.

        Returns:
            Examples, float32 [m, *shape] in [-1, 1], and labels, int32 [m].
        """
        raw, labels = self._raw(split, indices)
        middle, step = (self.levels - 1) / 2, 2 / (self.levels - 1)
        return (raw.astype(np.float32) - np.float32(middle)) * np.float32(step), labels

    def to_uint8(self, images: Any) -> np.ndarray:
        """Float images in [-1, 1] as uint8 in 0 .. 255, clipped and rounded, for pictures.

        Raises:
            ValueError: for NaN, which has no colour.
        """
        images = np.asarray(images)
        if np.isnan(images).any():
            raise ValueError("images contain NaN")
        return np.rint((np.clip(images, -1, 1) + 1) * 127.5).astype(np.uint8)

    def _raw(self, split: str, indices: Any) -> tuple[np.ndarray, np.ndarray]:
        selected = rows(indices, self.size(split))
        if self.streamed:
            return self._images.read(split, selected)
        images, labels = self._splits[split]
        return (images, labels) if selected is None else (images[selected], labels[selected])


def unread(
    raw: RawImages, *, dequantize: bool, stream: Literal["auto", "always", "never"]
) -> Dataset:
    """A data set of which nothing is read, for programs that are not run: its `arrays` are shapes
    and types."""
    made = Dataset(raw, dequantize=dequantize, stream="always")
    made.streamed = _is_streamed(raw, stream)
    if not made.streamed:
        count = raw.sizes["train"]
        made.arrays = {
            "images": jax.ShapeDtypeStruct((count, int(np.prod(raw.shape))), np.uint8),
            "labels": jax.ShapeDtypeStruct((count,), np.int32),
        }
    return made


def _is_streamed(raw: RawImages, stream: str) -> bool:
    size = sum(raw.sizes.values()) * int(np.prod(raw.shape))
    return stream == "always" or (stream == "auto" and size > DEVICE_LIMIT)


def known_split(split: str) -> str:
    """`split` itself; raises UserError unless it is one of SPLITS."""
    if split not in SPLITS:
        raise UserError(f"split must be one of {', '.join(SPLITS)}; got {split!r}")
    return split


def rows(indices: Any, size: int) -> np.ndarray | None:
    """Indices as an integer array [m]; None stays None.

    Raises:
        IndexError: for an index outside 0 .. size - 1.
    """
    if indices is None:
        return None
    selected = np.asarray(indices)
    if selected.ndim != 1 or (selected.size and not np.issubdtype(selected.dtype, np.integer)):
        raise IndexError(f"indices must be integers [m], got {selected.dtype} {selected.shape}")
    if selected.size and not (0 <= selected.min() and selected.max() < size):
        raise IndexError(
            f"indices must be in 0 .. {size - 1}, got {selected.min()} .. {selected.max()}"
        )
    return selected.astype(np.int64)


def digest(images: np.ndarray, labels: np.ndarray) -> str:
    """SHA-256 of images, uint8 [n, h, w, c], and labels [n], as 64 hex digits."""
    sha = hashlib.sha256(np.ascontiguousarray(images, np.uint8).data)
    return finish_digest(sha, images.shape[1:], labels)


def finish_digest(sha: Any, shape: tuple[int, ...], labels: np.ndarray) -> str:
    """The digest of images whose bytes `sha` has seen, of that shape each, and their labels."""
    sha.update(np.ascontiguousarray(labels, "<i4"))
    sha.update(repr(tuple(shape)).encode())
    return sha.hexdigest()


def fingerprint(content: Any) -> str:
    """First 16 hex digits of the SHA-256 of anything that JSON can hold."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def shuffled(name: str, count: int) -> np.ndarray:
    """A fixed permutation of 0 .. count - 1, int64 [count].

    Rows are ordered by the SHA-256 of "name row", so no random generator of any library version can
    change it.
    """
    keys = [hashlib.sha256(f"{name} {row}".encode()).digest() for row in range(count)]
    return np.array(sorted(range(count), key=keys.__getitem__), np.int64)
