"""Part 5: what pixel distance sees when an image is shifted, and what other costs see."""

import functools

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import cdist

from gan import config, data, transport
from gan.errors import UserError
from gan.referee import distances
from gan.reports import drawing
from gan.reports.story import Grid, Part, PartContext, Picture

MARGIN = 4
"""Empty pixels around every image, so that no shift cuts anything off."""

TRIPLETS = 6


def framed(images: np.ndarray) -> np.ndarray:
    """Images [n, h, w, 1] in [-1, 1] as [n, h + 2 MARGIN, w + 2 MARGIN] on a dark margin."""
    margins = ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN))
    return np.pad(images[..., 0], margins, constant_values=-1.0)


def shifted(images: np.ndarray, pixels: int) -> np.ndarray:
    """Framed images moved to the right by at most MARGIN pixels."""
    return np.roll(images, pixels, axis=2)


def blurred(images: np.ndarray, sigma: float) -> np.ndarray:
    """Framed images under a Gaussian blur of `sigma` pixels."""
    return gaussian_filter(images, (0, sigma, sigma), mode="constant", cval=-1.0)


def magnitudes(images: np.ndarray) -> np.ndarray:
    """Magnitudes of the discrete Fourier transform, scaled to keep the Euclidean norm.

    A cyclic shift changes phases only, so a framed image and its shifted copy have the same; so
    have an image and itself turned by half a turn, which is the price.
    """
    return np.abs(np.fft.fft2(images + 1)) / np.sqrt(images[0].size)


def neighbours(queries: np.ndarray, references: np.ndarray, labels: np.ndarray) -> dict:
    """What the nearest reference of each query is; query i is made from reference i.

    Returns:
        {"own": share of queries whose nearest reference is their own original, "same_class": share
        whose nearest reference other than it has their class}.
    """
    matrix = cdist(queries.reshape(len(queries), -1), references.reshape(len(references), -1))
    own = matrix.argmin(axis=1) == np.arange(len(queries))
    np.fill_diagonal(matrix, np.inf)
    same = labels[matrix.argmin(axis=1)] == labels
    return {"own": float(own.mean()), "same_class": float(same.mean())}


def study(name: str, context: PartContext) -> dict:
    """The numbers of one image set; draws its triplets."""
    sizes, draw = context.sizes, np.random.default_rng(context.seed)
    dataset = _load(name, context.data_dir)
    total = min(sizes["n"], dataset.size("test"))
    rows = draw.permutation(dataset.size("test"))[:total]
    images, labels = dataset.examples("test", rows)
    images = framed(images.astype(np.float64))
    features = {
        "pixels": lambda part: part,
        "blur": lambda part: blurred(part, sizes["sigma"]),
        "fourier": magnitudes,
    }
    by_shift = {}
    for pixels in sizes["shifts"]:
        moved = shifted(images, pixels)
        by_shift[f"by{pixels}"] = {"shift": pixels} | {
            cost: neighbours(feature(moved), feature(images), labels)
            for cost, feature in features.items()
        }
    half = total // 2
    flat = images[: 2 * half].reshape(2 * half, -1)
    charged = {
        f"by{pixels}": distances.w1(shifted(images[:half], pixels), images[:half])
        for pixels in sizes["shifts"]
    }
    shift = sizes["sets"][name]
    one = shifted(images, shift)
    to_copy = np.linalg.norm((one - images).reshape(total, -1), axis=1)
    to_others = cdist(images.reshape(total, -1), images.reshape(total, -1))
    to_others[labels[:, None] == labels] = np.inf
    nearer = to_others.min(axis=1) < to_copy
    numbers = {
        "n": total,
        "side": int(dataset.shape[0]),
        "nearer_share": float(nearer.mean()),
        "shift": shift,
        "shift_share": shift / dataset.shape[0],
        "half": half,
        "charged": charged,
        "floor": distances.w1(flat[:half], flat[half:]),
        "neighbours": by_shift,
        "half_turn": float(np.abs(magnitudes(images[:, ::-1, ::-1]) - magnitudes(images)).max()),
    }
    numbers["triplets"] = _triplets(
        context.path(name), dataset.class_names, images, one, to_copy, to_others, labels
    )
    numbers["exact_gap"] = transport.assignment(flat[:half], flat[half:]).gap
    return numbers


def _triplets(path, names, images, moved, to_copy, to_others, labels) -> list[dict]:
    """Draw images, their shifted copies, and the nearest images of another class.

    Of each class, the image for which the other class is nearest relative to the copy.
    """
    other, ratio = to_others.argmin(axis=1), to_others.min(axis=1) / to_copy
    order = np.argsort(ratio)
    chosen = order[np.unique(labels[order], return_index=True)[1]][:TRIPLETS]
    figure, axes = drawing.panels(3 * len(chosen), len(chosen), 1.25, 1.35)
    triplets = []
    for k, i in enumerate(chosen):
        j = other[i]
        triplets.append(
            {
                "class": names[labels[i]],
                "other_class": names[labels[j]],
                "to_copy": float(to_copy[i]),
                "to_other": float(to_others[i, j]),
            }
        )
        column = axes[k :: len(chosen)]
        drawing.image(column[0], moved[i], f"at {to_copy[i]:.2f}")
        drawing.image(column[1], images[i], names[labels[i]])
        drawing.image(column[2], images[j], f"at {to_others[i, j]:.2f}")
    drawing.save(figure, path)
    return triplets


def compute(context: PartContext) -> dict:
    """Digits, and Fashion-MNIST where it is at hand."""
    numbers = {"margin": MARGIN, "sigma": context.sizes["sigma"]}
    numbers["digits"] = study("digits", context)
    numbers["half_turn"] = numbers["digits"]["half_turn"]
    if "fashion_mnist" in context.sizes["sets"]:
        missing = _missing(context)
        if missing:
            numbers["missing"] = missing
        else:
            numbers["fashion_mnist"] = study("fashion_mnist", context)
    return numbers


@functools.lru_cache(maxsize=2)
def _load(name: str, data_dir: str | None):
    return data.load(config.Data(name=name), data_dir=data_dir)


def _missing(context: PartContext) -> str | None:
    """Why Fashion-MNIST cannot be used, in one line; None when it can."""
    try:
        _load("fashion_mnist", context.data_dir)
    except UserError as error:
        return str(error).splitlines()[0]
    return None


def inputs(context: PartContext) -> dict:
    """Whether Fashion-MNIST is there."""
    wanted = "fashion_mnist" in context.sizes["sets"]
    return {"fashion_mnist": wanted and _missing(context) is None}


def story(numbers: dict) -> list:
    """Templates of the part."""
    blocks = [
        "Everything so far rests on the cost of moving one image to another, and the usual cost is "
        "the distance between their pixels. Move an image a little to the right. To the eye "
        "nothing happened. To the pixels, much did.",
        *_triplet_story(numbers, "digits", "digit"),
    ]
    if "fashion_mnist" in numbers:
        blocks += _triplet_story(numbers, "fashion_mnist", "garment")
    elif "missing" in numbers:
        blocks.append("Fashion-MNIST was not at hand, so digits must do: {missing}")
    blocks.append(
        "Ask for the nearest neighbour of each shifted copy among the unshifted images, under "
        "three costs: the pixels; the pixels after a Gaussian blur of standard deviation "
        "{sigma:g}; and the magnitudes of the Fourier transform, which a shift does not touch. "
        "The first share says how often the neighbour is the copy's own original; the second, "
        "with the original taken away, how often it is at least of the same class."
    )
    for name, label in (("digits", "digits"), ("fashion_mnist", "garments")):
        if name in numbers:
            blocks.append(_grid(numbers, name, label))
    blocks += [
        "The magnitudes always know their own, by construction. They pay for it elsewhere: an "
        "image turned by half a turn has the same magnitudes (to within {half_turn:.1g}), so to "
        "this cost a six on its head is the same six. A cost is a decision about what should "
        "count. Learned features are decisions that nobody wrote down.",
        "Transport inherits it all. Shift {digits[half]} digits, and the exact distance from the "
        "shifted to the unshifted set is {digits[charged]["
        + f"by{numbers['digits']['shift']}"
        + "]:.3g}. As many other digits, different ones but in place, are at {digits[floor]:.3g}.",
    ]
    if "fashion_mnist" in numbers:
        blocks.append(
            "For {fashion_mnist[half]} garments the two numbers are {fashion_mnist[charged]["
            + f"by{numbers['fashion_mnist']['shift']}"
            + "]:.3g} and {fashion_mnist[floor]:.3g}."
        )
    return blocks


def _triplet_story(numbers: dict, name: str, what: str) -> list:
    return [
        Picture(
            name,
            f"Middle row: a {what}, {{{name}[side]}} pixels wide. Above: its copy, shifted by "
            f"{{{name}[shift_share]:.1%}} of its width ({{{name}[shift]}} px), and how far it is. "
            "Below: the nearest image of another class, and how far that is. One example per "
            "class, the most blatant.",
        ),
        f"Of {{{name}[n]:,}} {what}s, {{{name}[nearer_share]:.1%}} are nearer, in pixels, to some "
        f"{what} of another class than to their own shifted copy.",
    ]


def _grid(numbers: dict, name: str, label: str) -> Grid:
    header = (f"{label}, shifted",) + tuple(
        f"{cost}: {what}"
        for cost in ("pixels", "blur", "Fourier")
        for what in ("original", "class")
    )
    rows = []
    for key in numbers[name]["neighbours"]:
        cells = [
            f"{{{name}[neighbours][{key}][{cost}][{what}]:.1%}}"
            for cost in ("pixels", "blur", "fourier")
            for what in ("own", "same_class")
        ]
        rows.append((f"{{{name}[neighbours][{key}][shift]}} px", *cells))
    return Grid(header, tuple(rows))


PART = Part(
    name="pixels",
    title="5. Why pixel distance disappoints",
    sizes={
        "n": 1000,
        "shifts": [0, 1, 2, 4],
        "sigma": 1.0,
        "sets": {"digits": 1, "fashion_mnist": 2},
    },
    compute=compute,
    story=story,
    inputs=inputs,
)
