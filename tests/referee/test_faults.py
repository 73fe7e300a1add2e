"""Every fault is named when it is there, and none when nothing is wrong."""

import collections
import types

import numpy as np
import pytest

from gan.referee import distances, faults

SIDE = 12


def law(count: int, seed: int, classes=(0, 1, 2, 3)):
    """Pictures of a bright square of random size and place in one of four corners, on a dark
    ground with a little grain; and which corner."""
    draw = np.random.default_rng(seed)
    images = np.full((count, SIDE, SIDE, 1), -0.8, np.float32)
    corners = draw.choice(classes, count)
    for image, corner in zip(images, corners, strict=True):
        top, left = (
            1 + 5 * (corner // 2) + draw.integers(2),
            1 + 5 * (corner % 2) + draw.integers(2),
        )
        side = draw.integers(3, 5)
        image[top : top + side, left : left + side] = draw.uniform(0, 1)
    return np.clip(images + 0.01 * draw.normal(size=images.shape), -1, 1).astype(
        np.float32
    ), corners


REAL, REAL_CORNERS = law(400, 0)
TRAIN, _ = law(1000, 1)
FAKE, FAKE_CORNERS = law(400, 2)
NAMES = ("a", "b", "c", "d")


def blurred(images):
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    return sum(padded[:, i : i + SIDE, j : j + SIDE] for i in range(3) for j in range(3)) / 9


def noisy(images):
    return images + 0.1 * np.random.default_rng(3).normal(size=images.shape).astype(np.float32)


BROKEN = {
    "copies": np.concatenate([TRAIN[:200], FAKE[:200]]),
    "repeats": np.concatenate([FAKE[:200], np.repeat(FAKE[:4], 50, axis=0)]),
    "blur": blurred(FAKE),
    "noise": noisy(FAKE),
    "shift": np.roll(FAKE, 1, axis=1),
    "brightness": FAKE + 0.2,
    "contrast": 0.5 * FAKE - 0.4,
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_fault_is_named(name):
    found = faults.faults(BROKEN[name], REAL, TRAIN)
    assert name in {fault.name for fault in found}, found
    assert {fault.name for fault in found} <= set(faults.KINDS)


def test_a_missing_class_is_named_by_class():
    fake, corners = law(400, 2, classes=(0, 1, 3))
    (found,) = faults.faults(fake, REAL, TRAIN, (corners, REAL_CORNERS, NAMES))
    assert (found.name, found.value) == ("drops_class", 0)
    assert "class c" in found.text


def test_a_missing_class_is_noticed_without_classes():
    (found,) = faults.faults(law(400, 2, classes=(0, 1, 3))[0], REAL, TRAIN)
    assert found.name == "misses"
    assert 0.15 < found.value < 0.35


def test_a_class_that_is_too_frequent_is_named():
    fake, corners = law(400, 2, classes=(0, 0, 0, 0, 0, 1, 2, 3))
    (found,) = faults.faults(fake, REAL, TRAIN, (corners, REAL_CORNERS, NAMES))
    assert found.name == "proportions"
    assert "class a" in found.text.lower()


@pytest.mark.parametrize(("down", "right"), [(1, 0), (-2, 0), (0, -1), (2, 1)])
def test_a_shift_is_measured(down, right):
    (found,) = faults.faults(np.roll(FAKE, (down, right), axis=(1, 2)), REAL)
    assert found.value == np.hypot(down, right)
    assert ("down" in found.text, "up" in found.text) == (down > 0, down < 0)
    assert ("right" in found.text, "left" in found.text) == (right > 0, right < 0)


def test_real_examples_have_no_faults():
    """False alarms: at most 2 of 40 pairs of samples of one law."""
    named = collections.Counter()
    for seed in range(40):
        (fake, a), (real, b), (train, _) = (law(150, 10 + 3 * seed + k) for k in range(3))
        named.update(fault.name for fault in faults.faults(fake, real, train, (a, b, NAMES)))
    assert named.total() <= 2, named


def test_blur_is_no_copying():
    assert "copies" not in {f.name for f in faults.faults(blurred(FAKE), REAL, TRAIN)}


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 1.0])
def test_the_copied_share_is_estimated_within_its_error(share):
    copies = int(share * 400)
    fake = np.concatenate([TRAIN[:copies], FAKE[copies:]]).reshape(400, -1)
    sides = [part.reshape(len(part), -1) for part in (TRAIN, REAL)]
    near = []
    for side in sides:
        away = np.linalg.norm(fake[:, None] - side[None, ::1], axis=2)
        near.append((away.min(axis=1), away.argmin(axis=1)))
    found, error = faults.copied_share(*near, (len(TRAIN), len(REAL)))
    assert abs(found - share) < 3 * error
    assert error < 0.25


def test_few_examples_are_not_accused():
    assert faults.faults(BROKEN["shift"][:10], REAL) == []


def test_points_are_looked_at_too():
    draw = np.random.default_rng(0)
    real, fake = draw.normal(size=(300, 2)), draw.normal(size=(300, 2))
    assert faults.faults(fake, real) == []
    (found,) = faults.faults(fake[fake[:, 0] > 0].repeat(2, axis=0)[:300] + 1e-3, real)[:1]
    assert found.name == "repeats"


def test_scores_far_below_those_of_real_examples_are_faults():
    low = types.SimpleNamespace(value=0.5, n=200, interval=(0.42, 0.58), real=0.93)
    near = types.SimpleNamespace(value=0.85, n=200, interval=(0.8, 0.9), real=0.93)
    (found,) = faults.beside_real({"precision": low, "recall": near, "density": low})
    assert (found.name, found.value, found.real) == ("quality", 0.5, 0.93)
    assert "50%" in found.text and "93%" in found.text
    (found,) = faults.beside_real({"recall": low})
    assert found.name == "variety"
    low.n = 19
    assert faults.beside_real({"recall": low}) == []


def test_the_interval_of_the_copied_share_holds_0_without_copies():
    """95 % of the time; 93 of 100 are asked for."""
    held = 0
    for seed in range(100):
        fake, real, train = (law(60, 1000 + 3 * seed + k)[0] for k in range(3))
        near = [distances.nearest_one(fake, side) for side in (train, real)]
        share, error = faults.copied_share(*near, (60, 60))
        held += abs(share) < 1.96 * error
    assert held >= 93


@pytest.mark.parametrize(("fakes", "reals"), [(20, 400), (60, 400), (400, 60), (400, 20)])
@pytest.mark.parametrize("law_of", ["points", "pictures"])
def test_sets_of_unequal_size_are_not_accused(law_of, fakes, reals):
    """The more examples there are, the nearer they lie to each other: this is no fault."""
    draw = np.random.default_rng(4)
    for seed in range(5):
        fake, real = (
            law(count, 200 + 2 * seed + k)[0]
            if law_of == "pictures"
            else draw.normal(size=(count, 2))
            for k, count in enumerate((fakes, reals))
        )
        assert faults.faults(fake, real) == []


def test_the_order_of_many_examples_does_not_matter(monkeypatch):
    """Files are often in the order of classes; only some of many examples are looked at."""
    monkeypatch.setattr(faults, "MOST", 200)
    ordered, reals = FAKE[np.argsort(FAKE_CORNERS)], REAL[np.argsort(REAL_CORNERS)]
    assert faults.faults(ordered, reals, TRAIN) == []
    assert faults.faults(ordered, REAL, TRAIN) == []
