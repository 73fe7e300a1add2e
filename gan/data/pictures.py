"""Pictures of any size and mode as uint8 arrays of one shape."""

import numpy as np
from PIL import Image, ImageOps

from gan.errors import UserError


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
    fitted = ImageOps.fit(picture, (width, height), method=Image.Resampling.BICUBIC)
    return np.asarray(fitted).reshape(shape)
