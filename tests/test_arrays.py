"""Arrays of pictures are recognised, or refused with what settles it."""

import numpy as np
import pytest

from gan import arrays
from gan.errors import UserError

LEVELS = np.random.default_rng(0).integers(0, 256, (6, 5, 7, 3)).astype(np.uint8)
SCALED = LEVELS.astype(np.float32) * np.float32(2 / 255) - 1


@pytest.mark.parametrize(
    ("array", "span"),
    [
        (LEVELS, (0, 255)),
        (LEVELS.astype(np.int64), (0, 255)),
        (LEVELS.astype(np.float64), (0, 255)),
        (LEVELS / 255, (0, 1)),
        (LEVELS / 127.5 - 1, (-1, 1)),
        ((LEVELS / 127.5 - 1).astype(np.float16), (-1, 1)),
        (LEVELS.transpose(0, 3, 1, 2), (0, 255)),
    ],
    ids=["uint8", "int64", "whole floats", "0 to 1", "-1 to 1", "float16", "channels first"],
)
def test_every_form_of_the_same_pictures_gives_the_same_values(array, span):
    found = arrays.examples(array)
    np.testing.assert_allclose(found.values, SCALED, atol=2e-3)
    assert found.span == span
    assert found.values.dtype == np.float32
    assert "6 pictures of 5 x 7 RGB pixels" in found.notes[0]


def test_what_was_done_is_said():
    (first, order) = arrays.examples(LEVELS.transpose(0, 3, 1, 2), name="mine").notes
    assert first == "mine: 6 pictures of 5 x 7 RGB pixels, uint8 values from 0 to 255"
    assert order == "mine: channels come first, as in PyTorch"


def test_grey_pictures_need_no_axis_of_channels():
    assert arrays.examples(LEVELS[..., 0]).values.shape == (6, 5, 7, 1)


def test_points_stay_what_they_are():
    points = np.array([[1e3, -5.0], [2.0, 7.0]])
    found = arrays.examples(points)
    np.testing.assert_array_equal(found.values, points)
    assert found.span is None


def test_a_range_that_is_given_settles_it():
    dark = np.zeros((4, 5, 5, 1), np.uint8)
    with pytest.raises(UserError, match="--range"):
        arrays.examples(dark)
    np.testing.assert_array_equal(arrays.examples(dark, "0,255").values, -1)
    np.testing.assert_array_equal(arrays.examples(dark, "-1,1").values, 0)


BAD = {
    "NaN": (np.where(LEVELS == 7, np.nan, SCALED), "NaN"),
    "infinite": (np.where(LEVELS == 7, np.inf, SCALED), "infinite"),
    "a range of its own": (SCALED * 3, "--range"),
    "nearly from 0": (np.clip(SCALED, -0.01, 1), "--range"),
    "negative whole numbers": (LEVELS.astype(np.int32) - 200, "--range"),
    "one picture": (LEVELS[:1], "one example"),
    "one picture without a batch": (LEVELS[0], "one picture"),
    "transparency": (np.zeros((3, 8, 8, 4), np.uint8), "transparency"),
    "which axis": (np.zeros((3, 3, 8, 3), np.uint8), "which axis"),
    "five axes": (np.zeros((2, 2, 2, 2, 2)), "shape"),
    "nothing": (np.zeros((0, 8, 8, 1)), "shape"),
    "text": (np.array([["a", "b"]]), "no numbers"),
    "complex": (np.ones((3, 2), complex), "no numbers"),
}


@pytest.mark.parametrize(("array", "reason"), BAD.values(), ids=BAD)
def test_what_cannot_be_meant_is_refused_in_a_line(array, reason):
    with pytest.raises(UserError, match=reason) as error:
        arrays.examples(array)
    assert "\n" not in str(error.value)


def test_values_outside_a_given_range_are_refused():
    with pytest.raises(UserError, match="not in 0,1"):
        arrays.examples(SCALED, "0,1")


def test_points_beyond_float32_are_refused():
    with pytest.raises(UserError, match="beyond float32"):
        arrays.examples(np.array([[0.0, 1e300], [1.0, 2.0]]))
