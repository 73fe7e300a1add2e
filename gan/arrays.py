"""Arrays of pictures as people keep them, recognised: type, range of the values, order of the axes.

What is recognised is said in a line. What could mean two things is refused, with what settles it.

- uint8 and other whole numbers from 0 to 255 are levels;
- floats from 0 to 1 are shares of white, floats from -1 to 1 what a tanh gives;
- [n, h, w, c] or [n, c, h, w] with 1 or 3 channels, [n, h, w] for grey; [n, d] are points, whose
  values mean what they are.
"""

import contextlib
import os
import zipfile
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from gan.errors import UserError
from gan.inputs import plain

RANGES = {"0,255": (0.0, 255.0), "0,1": (0.0, 1.0), "-1,1": (-1.0, 1.0)}
"""The ranges that values of pictures may have, black first, white second."""

CHANNELS = (1, 3)

_OVER = 1e-3
"""How far, as a share of the range, rounding may carry a value beyond its end."""

_FAINT = 0.05
"""A lowest value between this below 0 and 0 is no sign of a range from -1."""


class Examples(NamedTuple):
    """Examples with what was recognised.

    Attributes:
        values: float32 [n, h, w, c] in [-1, 1], or points as they are, [n, d].
        span: the range of the pictures' values as they came; None for points.
        notes: what was recognised, a line each.
    """

    values: np.ndarray
    span: tuple[float, float] | None
    notes: tuple[str, ...]


@contextlib.contextmanager
def opened(path: str) -> Iterator[Any]:
    """What a .npy or .npz file holds, as np.load gives it; arrays are read inside the block.

    Raises:
        UserError: if it cannot be read, or is no file of numbers.
    """
    try:
        with contextlib.ExitStack() as stack:
            loaded = np.load(os.path.expanduser(path), allow_pickle=False)
            yield loaded if isinstance(loaded, np.ndarray) else stack.enter_context(loaded)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is not a file of numbers: {error}") from error


def examples(array: np.ndarray, span: str | None = None, name: str = "the array") -> Examples:
    """Pictures or points, recognised.

    Args:
        array: [n, h, w, c], [n, c, h, w] or [n, h, w] for pictures, [n, d] for points.
        span: one of RANGES, for pictures whose range is not plain from their values.
        name: of the array, for messages.

    Raises:
        UserError: for no numbers, fewer than two examples, NaN or infinite values, another shape,
            values outside the range, or a range that could be another.
    """
    array = np.asarray(array)
    if array.dtype.kind not in "buif":
        raise UserError(f"{name} holds {array.dtype}, which are no numbers")
    if array.ndim not in (2, 3, 4) or not array.size:
        raise UserError(
            f"{name} has the shape {array.shape}; pictures are [n, h, w, c], [n, c, h, w] or "
            "[n, h, w], points [n, d]"
        )
    if len(array) < 2:
        raise UserError(f"{name} holds one example; a distance between sets needs more")
    if array.dtype.kind == "f":
        bad = np.count_nonzero(~np.isfinite(array).reshape(len(array), -1).all(axis=1))
        if bad:
            raise UserError(f"{name}: {bad} of {len(array)} examples hold NaN or infinite values")
    if array.ndim == 2:
        with np.errstate(over="ignore"):
            points = array.astype(np.float32)
        if not np.isfinite(points).all():
            raise UserError(f"{name}: values up to {np.abs(array).max():.3g} are beyond float32")
        return Examples(points, None, ())
    array, order = _channels_last(array, name)
    low, high, why = _span(array, span, name)
    values = (array.astype(np.float32) - np.float32((low + high) / 2)) * np.float32(
        2 / (high - low)
    )
    notes = [f"{name}: {len(array)} pictures {_size(array)}, {array.dtype} values {why}"]
    if order:
        notes.append(f"{name}: {order}")
    return Examples(np.clip(values, -1, 1), (low, high), tuple(notes))


def levels(values: np.ndarray) -> np.ndarray:
    """Pictures in [-1, 1] as uint8 in 0 .. 255, clipped and rounded."""
    return np.rint((np.clip(values, -1, 1) + 1) * 127.5).astype(np.uint8)


def _size(array) -> str:
    _, height, width, channels = array.shape
    return f"of {height} x {width} {'grey' if channels == 1 else 'RGB'} pixels"


def _channels_last(array, name: str) -> tuple[np.ndarray, str]:
    """The array as [n, h, w, c], and what was done to it."""
    if array.ndim == 3:
        if array.shape[2] in CHANNELS or array.shape[1] in CHANNELS:
            raise UserError(
                f"{name} has the shape {array.shape}: one picture, or pictures of one row? Give "
                "[n, h, w, c]"
            )
        return array[..., None], "no axis of channels: grey"
    last, first = array.shape[3] in CHANNELS, array.shape[1] in CHANNELS
    if last and not first:
        return array, ""
    if first and not last:
        return np.moveaxis(array, 1, 3), "channels come first, as in PyTorch"
    if last and first:
        raise UserError(f"{name}: in {array.shape}, which axis is of channels? Sides are above 3")
    raise UserError(
        f"{name} has the shape {array.shape}: no axis of 1 or 3 channels (drop the transparency of "
        "pictures with 4)"
    )


def _span(array, given: str | None, name: str) -> tuple[float, float, str]:
    """Lowest and highest value that can be, and how they were found."""
    low, high = float(array.min()), float(array.max())
    if given is not None:
        least, most = RANGES[given]
        over = _OVER * (most - least)
        if low < least - over or high > most + over:
            raise UserError(f"{name}: values from {low:.4g} to {high:.4g} are not in {given}")
        return least, most, f"from {plain(least)} to {plain(most)}"
    found = f"{name}: values from {low:.4g} to {high:.4g}"
    if array.dtype.kind in "bui":
        if 0 <= low and 1 < high <= 255:
            return 0.0, 255.0, "from 0 to 255"
        raise UserError(f"{found} of {array.dtype}: say --range, one of {', '.join(RANGES)}")
    if low < -_FAINT and -1 - 2 * _OVER <= low and high <= 1 + 2 * _OVER:
        return -1.0, 1.0, "from -1 to 1"
    if low >= 0 and high <= 1 + _OVER:
        return 0.0, 1.0, "from 0 to 1"
    if low >= 0 and 1.5 < high <= 255 and np.array_equal(array, np.rint(array)):
        return 0.0, 255.0, "from 0 to 255, whole numbers"
    raise UserError(
        f"{found} fit none of the ranges {', '.join(RANGES)} plainly: say --range, or rescale them"
    )
