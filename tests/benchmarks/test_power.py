"""Known faults, and how often a score that is a known number notices them."""

import numpy as np
import pytest

from gan import data
from gan.benchmarks import injected_faults, power
from gan.benchmarks.injected_faults import FAULTS, Pool, drawn
from gan.config import Data
from gan.errors import UserError
from gan.registries import METRICS
from gan.scores.requirements import Situation


def pool(count=600, channels=1, classes=5):
    """Images whose every level is the number of the image, so that each can be told."""
    numbers = np.arange(count) / count
    examples = np.broadcast_to(numbers[:, None, None, None], (count, 6, 5, channels))
    train = np.full((100, 6, 5, channels), -1.0) + np.arange(100)[:, None, None, None] / 1000
    labels = np.arange(count) % classes
    return Pool(examples.astype(np.float32), labels, train.astype(np.float32), classes)


def numbers(examples, count=600):
    return np.rint(examples[:, 2, 2, 0] * count).astype(int)


@pytest.mark.parametrize("name", FAULTS)
def test_sets_are_disjoint_and_have_the_fault(name):
    here = pool(channels=3)
    fake, real = drawn(here, name, 100, np.random.default_rng(0))
    assert fake.shape == real.shape == (100, 6, 5, 3) and fake.dtype == np.float32
    chosen, held_out = numbers(fake), numbers(real)
    assert len(set(held_out)) == 100
    if name in ("nothing", "dropped class", "proportions", "shift", "channels"):
        assert len(set(chosen)) == 100 and not set(chosen) & set(held_out)
        labels = here.labels[chosen]
    if name == "dropped class":
        assert 0 not in labels and set(labels) == {1, 2, 3, 4}
    if name == "proportions":
        assert 60 <= np.sum(labels < 2.5) <= 80
    if name == "copies":
        assert np.sum(fake[:, 0, 0, 0] < -0.8) == 20
    if name == "noise":
        assert np.std(fake - fake.mean(axis=(1, 2, 3), keepdims=True)) == pytest.approx(
            0.1, abs=0.02
        )


def test_changes_of_pixels():
    ramp = np.arange(5.0)[None, None, :, None] * np.ones((1, 6, 1, 3)) + [0, 10, 20]
    shifted = FAULTS["shift"].change(ramp, None, None)
    np.testing.assert_array_equal(shifted[0, 0, :, 0], [0, 0, 1, 2, 3])
    exchanged = FAULTS["channels"].change(ramp, None, None)
    np.testing.assert_array_equal(exchanged[..., 0], ramp[..., 2])
    point = np.zeros((1, 9, 9, 1))
    point[0, 4, 4] = 1
    blurred = FAULTS["blur"].change(point, None, None)
    assert blurred.sum() == pytest.approx(1)
    assert blurred[0, 4, 3, 0] / blurred[0, 4, 4, 0] == pytest.approx(np.exp(-1 / (2 * 0.5**2)))


def test_what_cannot_be_drawn_is_refused():
    assert "channels" not in injected_faults.possible(pool(), 100)
    assert "channels" in injected_faults.possible(pool(channels=3), 100)
    with pytest.raises(UserError, match="need 720 held-out examples; there are 600"):
        injected_faults.possible(pool(), 300)


@pytest.mark.parametrize("usual", [19, 39, 99])
def test_the_level_is_exact(usual):
    """Of real examples every rank is as likely: exactly one in twenty is called a fault."""
    ranks = np.arange(usual + 1.0)
    noticed = [power.p_value("w1", v, np.delete(ranks, i)) <= 0.05 for i, v in enumerate(ranks)]
    assert np.sum(noticed) == (usual + 1) / 20


def test_only_worse_scores_are_noticed_and_ties_are_not():
    usual = np.arange(39.0)
    assert power.power("w1", [100, 100, -100, 38], usual).count == 3  # 38 is second to itself only
    assert power.power("precision", [100, -100], usual).count == 1
    assert power.power("copied_share", [100, -100], usual).count == 1
    assert power.power("mode_count", [10.0] * 4, [10.0] * 39).count == 0
    with pytest.raises(ValueError, match="needs 19"):
        power.power("w1", [1.0], usual[:18])


def test_every_metric_of_trusted_features_is_asked():
    dataset = data.load(Data(name="digits"), None)
    found = power.of_features(Situation(dataset, players=False, accuracy=0.98))
    registered = {name for name in METRICS if METRICS.get(name).of_features is not None}
    assert registered - set(found) == {"frechet_distance"}  # which is of given features
    with pytest.raises(UserError, match="right on 60.0 %"):
        power.of_features(Situation(dataset, players=False, accuracy=0.6))


def test_the_interval_is_wilsons():
    found = power.share(3, 20)
    z, p, n = 1.959963984540054, 0.15, 20
    middle, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    ends = (middle - half) / (1 + z**2 / n), (middle + half) / (1 + z**2 / n)
    assert (found.value, found.low, found.high) == pytest.approx((0.15, *ends))
