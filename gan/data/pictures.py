"""Pictures of any format, size and mode as uint8 arrays of one shape.

A picture is set upright by its EXIF orientation, transparent pixels are laid over white, the first
frame of an animation counts, 16-bit greys v become round(v / 257), CMYK becomes RGB by
(255 - ink) (255 - black) / 255 and CIE Lab by its definition; colour profiles are not applied. A
picture is grey if red, green and blue are equal in every pixel that is kept.
"""

import contextlib
import functools
import importlib
import os
import threading
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from gan.errors import UserError

FORMATS = {
    "PNG": (".png", ".apng"),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "BMP": (".bmp",),
    "TIFF": (".tif", ".tiff"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
    "JPEG2000": (".jp2", ".j2k"),
    "AVIF": (".avif",),
    "HEIF": (".heic", ".heif"),
}
"""The formats that are ever tried, by Pillow's names, with the endings of their files."""

PLUGINS = {"AVIF": "pillow-avif-plugin", "HEIF": "pillow-heif"}
"""Packages that teach Pillow a format that it may lack."""

_MODULES = {"AVIF": "pillow_avif", "HEIF": "pillow_heif"}

_ORIENTATION = 0x0112
_UPRIGHT = 1
_TURNED = (5, 6, 7, 8)

_DRAFT_ABOVE = 89_478_485
"""Pixels above which a JPEG is decoded at a reduced size where that is enough."""

_ALONE_ABOVE = 2**24
"""Pixels above which pictures are decoded one at a time, so that threads do not add up."""

_alone = threading.Lock()
_opening = threading.Lock()


class Unreadable(Exception):
    """Why a file cannot be used as a picture, without its name."""


class Decoded(NamedTuple):
    """A picture of a file."""

    pixels: np.ndarray
    """uint8 [h, w, 1] if it is grey, else [h, w, 3]."""
    size: tuple[int, int]
    """Height and width in the file, set upright."""
    format: str
    """What the content is, one of FORMATS."""
    animated: bool
    """Whether there are more frames than the first."""
    stored_grey: bool
    """Whether the file itself holds one channel per pixel."""


@functools.cache
def readable() -> dict[str, str]:
    """The format of each ending, in lower case with the dot, of those that this Pillow reads."""
    Image.init()
    for name, module in _MODULES.items():
        if name not in Image.OPEN:
            with contextlib.suppress(ImportError):
                plugin = importlib.import_module(module)
                if hasattr(plugin, "register_heif_opener"):
                    plugin.register_heif_opener()
    return {e: name for name, endings in FORMATS.items() if name in Image.OPEN for e in endings}


def decode(file: BinaryIO, ending: str, side: int, megapixels: int) -> Decoded:
    """The picture in a file.

    Args:
        file: open for reading, at its beginning.
        ending: of the file's name, a key of `readable()`; its format is tried first, then the
            others there, and never any other.
        side: of the square that the picture is resized to cover and cropped to; 0 keeps all of it.
        megapixels: millions of pixels of the largest picture that is decoded.

    Raises:
        Unreadable: what is wrong with it; size and format are known before pixels are decoded.
    """
    try:
        with _opened(file, ending) as image:
            pixels = image.width * image.height
            if pixels > megapixels * 10**6:
                raise Unreadable(
                    f"has {pixels / 1e6:.1f} megapixels ({image.width} x {image.height}); "
                    f"--data.largest_megapixels {-(-pixels // 10**6)} allows it"
                )
            with _alone if pixels > _ALONE_ABOVE else contextlib.nullcontext():
                return _decoded(image, side)
    except (Unreadable, Warning):
        raise
    except MemoryError as error:
        raise Unreadable("does not fit in memory") from error
    except Exception as error:  # Pillow's decoders raise many kinds
        reason = (str(error).splitlines() or [""])[0][:120] or type(error).__name__
        raise Unreadable(f"is not a readable image: {reason}") from error


def _opened(file: BinaryIO, ending: str) -> Image.Image:
    """The file's header; Pillow's own limit of the size gives way to the caller's."""
    first = readable()[ending]
    others = dict.fromkeys(readable().values())
    try:
        with _opening:
            limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                return Image.open(file, formats=[first, *(f for f in others if f != first)])
            finally:
                Image.MAX_IMAGE_PIXELS = limit
    except UnidentifiedImageError as error:
        empty = file.seek(0, os.SEEK_END) == 0
        what = (
            "the file is empty"
            if empty
            else f"the content is not {first}, nor another that is read"
        )
        raise Unreadable(f"is not a readable image: {what}") from error


def _decoded(image: Image.Image, side: int) -> Decoded:
    kind, mode, (width, height) = image.format or "", image.mode, image.size
    if side and width * height > _DRAFT_ABOVE:
        image.draft(None, (2 * side, 2 * side))
    orientation = image.getexif().get(_ORIENTATION, _UPRIGHT)
    upright = image if orientation == _UPRIGHT else ImageOps.exif_transpose(image)
    flat = _flat(upright, kind)
    if side:
        flat = _fitted(flat, (side, side))
    pixels = np.asarray(flat)
    if pixels.ndim == 3 and (pixels[..., :1] == pixels[..., 1:]).all():
        pixels = pixels[..., 0]
    return Decoded(
        pixels=np.ascontiguousarray(pixels.reshape(*pixels.shape[:2], -1)),
        size=(width, height) if orientation in _TURNED else (height, width),
        format="JPEG" if kind == "MPO" else kind,
        animated=kind != "MPO" and getattr(image, "is_animated", False),
        stored_grey=mode in ("1", "L", "LA") or mode.startswith("I"),
    )


def _flat(image: Image.Image, kind: str) -> Image.Image:
    """The picture in 8 bits, mode L or RGB, without transparency."""
    if image.mode.startswith("I;16") or (image.mode == "I" and kind in ("PNG", "PPM")):
        values = np.asarray(image).astype(np.uint32)
        return Image.fromarray(((values + 128) // 257).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise Unreadable(
            f"has 32 bits per pixel (mode {image.mode}), of which nobody says what is white: "
            "convert it first"
        )
    if image.has_transparency_data:
        image = _converted(image, "RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return _converted(image, "L" if image.mode in ("1", "L") else "RGB")


def _converted(image: Image.Image, mode: str) -> Image.Image:
    image.load()
    return image if image.mode == mode else image.convert(mode)


def target_shape(
    name: str, stored: tuple[int | None, int | None, int | None], image_size: int
) -> tuple[int, int, int]:
    """Shape of the examples of a set whose images have the shape `stored`.

    Args:
        name: the data set, for messages.
        stored: height, width and channels; None where they vary from image to image.
        image_size: side of the wanted square; 0 for the stored size.

    Raises:
        UserError: if the size varies and image_size is 0, or the channels are not 1 or 3.
    """
    height, width, channels = stored
    if channels not in (1, 3):
        raise UserError(f"{name} has {channels} channels per pixel; 1 or 3 can be learned")
    if image_size:
        return image_size, image_size, channels
    if height is None or width is None:
        raise UserError(
            f"the images of {name} differ in size: set data.image_size to the side in pixels that "
            "they are resized to, for example 64"
        )
    return height, width, channels


def fit(image: np.ndarray, shape: tuple[int, int, int], levels: int = 256) -> np.ndarray:
    """An image resized to cover `shape` and cropped around its centre, as uint8 of 256 levels.

    Bicubic with antialiasing. An image that has the shape already keeps its pixels.

    Args:
        image: uint8 [h, w, c] with values in 0 .. levels - 1.
        shape: wanted height, width and channels (c).
    """
    if levels != 256:
        image = np.rint(image * (255 / (levels - 1))).astype(np.uint8)
    if image.shape == shape:
        return image
    height, width, channels = shape
    picture = Image.fromarray(image[:, :, 0] if channels == 1 else image)
    return np.asarray(_fitted(picture, (width, height))).reshape(shape)


def _fitted(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    if picture.size == size:
        return picture
    return ImageOps.fit(picture, size, method=Image.Resampling.BICUBIC)
