import jax
import numpy as np
import pytest

from gan import config, data, presets
from gan.errors import UserError
from gan.networks import Network
from gan.referee import distances
from gan.referee.evaluator import MEANINGS, Evaluator

BLACK = -np.ones((60, 8, 8, 1), np.float32)


def table_lookup(examples):
    """A 'generator' that returns given examples, whatever the latents."""
    return Network(lambda key: {}, lambda params, z: jax.numpy.asarray(examples[: len(z)]))


def linear_critic(slope):
    def apply(params, x):
        flat = x.reshape(x.shape[0], -1)
        return slope * flat.sum(axis=1) / np.sqrt(flat.shape[1])

    return Network(lambda key: {}, apply)


@pytest.fixture(scope="module")
def settings():
    return config.replace(presets.get("digits"), {"evaluation_size": 60, "evaluation_repeats": 2})


def test_a_generator_that_copies_the_training_set_is_seen_to(digits, settings):
    copies = digits.examples("train", np.arange(60))[0]
    evaluator = Evaluator(settings, digits, table_lookup(copies), linear_critic(1.0), "test")
    found = evaluator.memorisation({})
    assert found["nearest_train"] == pytest.approx(0, abs=1e-5)
    assert found["nearest_train_real"] > 1
    scores = evaluator({}, {})
    assert scores["w1"] == pytest.approx(scores["w1_floor"], rel=0.1)


def test_held_out_examples_as_samples_have_distance_zero(digits, settings):
    probe = Evaluator(
        settings, digits, table_lookup(np.zeros((60, 8, 8, 1))), linear_critic(1), "test"
    )
    perfect = Evaluator(settings, digits, table_lookup(probe.real), linear_critic(1.0), "test")
    assert perfect({}, {})["w1"] == pytest.approx(0, abs=1e-6)


def test_the_critics_estimate_and_slopes_are_those_of_a_linear_critic(digits, settings):
    evaluator = Evaluator(settings, digits, table_lookup(BLACK), linear_critic(2.0), "validation")
    scores = evaluator({}, {})
    expected = 2 * (evaluator.real - BLACK).sum(axis=(1, 2, 3)).mean() / 8
    assert scores["w1_estimate"] == pytest.approx(expected, rel=1e-4)
    for name in ("slope_5", "slope_50", "slope_95"):
        assert scores[name] == pytest.approx(2.0, rel=1e-4)
    # All generated images are one black one, and every real one is brighter.
    assert scores["gradient_cosine"] > 0.3
    assert scores["lipschitz"] <= 2 * (1 + 1e-5)
    bound = scores["w1_estimate"] / scores["lipschitz"]
    assert scores["critic_share"] == pytest.approx(bound / scores["w1"], rel=1e-9)
    assert scores["duality_gap"] == pytest.approx(scores["w1"] - bound, rel=1e-9)
    assert scores["c_transform_bound"] <= scores["w1"]
    # A critic of slope 1 never claims more than the exact distance (Kantorovich and Rubinstein).
    assert scores["w1_estimate"] / 2 <= scores["w1"] * (1 + 1e-5)
    assert scores["w1"] == pytest.approx(distances.w1(BLACK, evaluator.real), rel=1e-6)


def test_every_score_is_explained_and_finite(digits, settings):
    evaluator = Evaluator(settings, digits, table_lookup(BLACK), linear_critic(1.0), "test")
    scores = evaluator({}, {}) | evaluator.uncertainty({}) | evaluator.memorisation({})
    assert set(scores) <= set(MEANINGS)
    assert scores["w1_low"] < scores["w1"] < scores["w1_high"]
    assert scores["w1_debiased_low"] < scores["w1_debiased"] < scores["w1_debiased_high"]
    assert scores["p_value"] == 0.005 and scores["sliced_w1"] > scores["sliced_w1_floor"]
    assert all(np.isfinite(value) for value in scores.values())
    assert scores["n"] == 60


def test_distances_between_features_stand_beside_those_of_real_examples(digits, settings):
    evaluator = Evaluator(settings, digits, table_lookup(BLACK), linear_critic(1.0), "test")
    found = evaluator.feature_distances({}, lambda x: x.reshape(len(x), -1) / 2, "half pixels")
    scores = evaluator({}, {})
    whole, debiased = found["feature_w1"], found["feature_w1_debiased"]
    assert whole["value"] == pytest.approx(scores["w1"] / 2, rel=1e-6)
    assert whole["real"] == pytest.approx(scores["w1_floor"] / 2, rel=1e-6)
    assert debiased["value"] == pytest.approx(scores["w1_debiased"] / 2, rel=1e-6)
    assert abs(debiased["real"]) < debiased["value"] / 5 and whole["p_value"] == 0.005
    for entry in (whole, debiased):
        assert entry["interval"][0] < entry["value"] < entry["interval"][1]
        assert entry["n"] == 60 and entry["features"] == "half pixels"


def test_real_points_cover_every_mode_of_a_planar_mixture():
    cfg = config.replace(presets.get("gaussians25"), {"evaluation_size": 50})
    dataset = data.load(cfg.data)
    points = dataset.examples("train", np.arange(2500))[0]
    scores = Evaluator(cfg, dataset, table_lookup(points), linear_critic(1.0), "test")({}, {})
    assert scores["modes"] == scores["modes_total"] == 25
    assert scores["high_quality"] > 0.97 and scores["reverse_kl"] < 0.02
    assert set(scores) <= set(MEANINGS)


def test_splits_and_training_pieces_are_disjoint(digits, settings):
    evaluator = Evaluator(
        settings, digits, table_lookup(np.zeros((60, 8, 8, 1))), linear_critic(1), "test"
    )
    pieces = [evaluator.real, *evaluator.others]
    rows = [row.tobytes() for piece in pieces for row in piece]
    assert len(pieces) == 3 and len(set(rows)) == len(rows)


def test_neighbours_start_with_the_sample_and_then_its_copies(digits, settings):
    copies = digits.examples("train", np.arange(60))[0]
    evaluator = Evaluator(settings, digits, table_lookup(copies), linear_critic(1.0), "test")
    rows = evaluator.neighbours({}, 5, 3)
    assert rows.shape == (5, 4, 8, 8, 1)
    np.testing.assert_array_equal(rows[:, 0], rows[:, 1])
    assert not np.array_equal(rows[:, 1], rows[:, 2])


def test_a_set_too_small_to_compare_is_refused(settings, digits):
    class One:
        name, shape, modes = "one", (8, 8, 1), None

        def size(self, split):
            return 1

    with pytest.raises(UserError, match="too small"):
        Evaluator(settings, One(), None, None, "test")


def test_more_samples_continue_fewer_and_differ_from_the_generated_sets(digits, settings):
    latents = Network(lambda key: {}, lambda params, z: z)
    evaluator = Evaluator(settings, digits, latents, linear_critic(1.0), "test")
    few, many = evaluator.sample({}, 70), evaluator.sample({}, 130)
    assert few.shape == (70, 32)
    np.testing.assert_array_equal(few, many[:70])
    rows = [row.tobytes() for part in (many, *evaluator.generated({})) for row in part]
    assert len(set(rows)) == len(rows) == 130 + 2 * 60
