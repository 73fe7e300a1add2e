import jax
import numpy as np
import pytest

from gan import config, data, presets
from gan.networks import Network
from gan.referee import Judged, Probe, certify, distances
from gan.referee.players import real_sets
from gan.registries import METRICS
from gan.scores import evaluation
from gan.scores.evidence import Evidence
from gan.scores.metrics import closeness, critic, memorisation, mixture

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


def scored(names, *probe):
    """Metrics of players without parameters."""
    evidence = Evidence(Probe.of(*probe).look({}, {}))
    found = evaluation.evaluate(names, evidence)
    return evaluation.numbers(found)


def group(module):
    """The metrics of one module."""
    return [name for name, metric in METRICS.items() if getattr(module, name, None) is metric]


def test_a_generator_that_copies_the_training_set_is_seen_to(digits, settings):
    copies = digits.examples("train", np.arange(60))[0]
    found = scored(
        ["nearest_train", "nearest_train_real", "w1", "w1_floor"],
        settings,
        digits,
        table_lookup(copies),
        linear_critic(1.0),
        "test",
    )
    assert found["nearest_train"] == pytest.approx(0, abs=1e-5)
    assert found["nearest_train_real"] > 1
    assert found["w1"] == pytest.approx(found["w1_floor"], rel=0.1)


def test_held_out_examples_as_samples_have_distance_zero(digits, settings):
    real = real_sets(digits, "test", 60, 2).real
    perfect = Probe.of(settings, digits, table_lookup(real), linear_critic(1.0), "test")
    assert perfect.look({}).distance.value == pytest.approx(0, abs=1e-6)


def test_the_critics_estimate_and_slopes_are_those_of_a_linear_critic(digits, settings):
    probe = Probe.of(settings, digits, table_lookup(BLACK), linear_critic(2.0), "validation")
    look = probe.look({}, {})
    proof = look.certificate
    expected = 2 * (probe.real - BLACK).sum(axis=(1, 2, 3)).mean() / 8
    assert proof.estimate == pytest.approx(expected, rel=1e-4)
    np.testing.assert_allclose(look.slopes, 2.0, rtol=1e-4)
    # All generated images are one black one, and every real one is brighter.
    assert proof.gradient_cosine > 0.3
    assert proof.lipschitz <= 2 * (1 + 1e-5)
    w1, bound = look.distance.value, proof.estimate / proof.lipschitz
    assert proof.share == pytest.approx(bound / w1, rel=1e-9)
    assert proof.duality_gap == pytest.approx(w1 - bound, rel=1e-9)
    assert proof.c_transform_bound <= w1
    # A critic of slope 1 never claims more than the exact distance (Kantorovich and Rubinstein).
    assert proof.estimate / 2 <= w1 * (1 + 1e-5)
    assert w1 == pytest.approx(distances.w1(BLACK, probe.real), rel=1e-6)


def test_distances_stand_in_their_intervals(digits, settings):
    names = [*group(closeness), *group(critic), *group(memorisation)]
    assert len(names) == 30
    scores = scored(names, settings, digits, table_lookup(BLACK), linear_critic(1.0), "test")
    assert set(scores) == {"n", *names}
    assert scores["w1_low"] < scores["w1"] < scores["w1_high"]
    assert scores["w1_debiased_low"] < scores["w1_debiased"] < scores["w1_debiased_high"]
    assert scores["p_value"] == 0.005 and scores["sliced_w1"] > scores["sliced_w1_floor"]
    assert all(np.isfinite(value) for value in scores.values())
    assert scores["n"] == 60


def test_distances_between_features_stand_beside_those_of_real_examples(digits, settings):
    probe = Probe.of(settings, digits, table_lookup(BLACK), linear_critic(1.0), "test")
    look = probe.look({}, {})
    whole, real = look.feature_distance(lambda x: x.reshape(len(x), -1) / 2)
    assert whole.value == pytest.approx(look.distance.value / 2, rel=1e-6)
    assert whole.floor == pytest.approx(look.distance.floor / 2, rel=1e-6)
    assert whole.debiased == pytest.approx(look.distance.debiased / 2, rel=1e-6)
    assert abs(real) < whole.debiased / 5 and whole.p_value == 0.005
    assert whole.interval.low < whole.value < whole.interval.high
    assert whole.debiased_interval.low < whole.debiased < whole.debiased_interval.high
    assert whole.n == 60


def test_features_are_asked_for_once_of_every_set_and_of_no_more_than_told(digits, settings):
    probe = Probe.of(settings, digits, table_lookup(BLACK), linear_critic(1.0), "test")
    look, calls = probe.look({}, {}), []

    def features(examples):
        calls.append(len(examples))
        return examples.reshape(len(examples), -1)

    found, _ = look.feature_distance(features, 25)
    assert calls == [25] * (1 + len(probe.others) + len(look.fakes)) and found.n == 25


def test_real_points_cover_every_mode_of_a_planar_mixture():
    cfg = config.replace(presets.get("gaussians25"), {"evaluation_size": 50})
    dataset = data.load(cfg.data)
    points = dataset.examples("train", np.arange(2500))[0]
    scores = scored(group(mixture), cfg, dataset, table_lookup(points), linear_critic(1.0), "test")
    assert scores["modes"] == scores["modes_total"] == 25
    assert scores["high_quality"] > 0.97 and scores["reverse_kl"] < 0.02


def test_parts_of_a_look_are_computed_once(digits, settings):
    calls = []
    generator = Network(
        lambda key: {}, lambda params, z: calls.append(1) or jax.numpy.asarray(BLACK)
    )
    with jax.disable_jit():
        look = Probe.of(settings, digits, generator, linear_critic(1.0), "test").look({}, {})
        assert not calls
        assert look.distance.value == pytest.approx(look.certificate.w1, rel=1e-12)
        assert look.solutions is look.solutions and len(calls) == 2


def test_given_sets_are_compared_as_those_of_players(digits, settings):
    noise = Network(lambda key: {}, lambda p, z: jax.numpy.tile(z, (1, 2)).reshape(-1, 8, 8, 1))
    probe = Probe.of(settings, digits, noise, linear_critic(2.0), "test")
    look = probe.look({}, {})
    assert not np.array_equal(*look.fakes)
    assert look.certificate == certify(probe.real, look.fakes, *look.judged)
    alone = Probe(probe.real, probe.others).compare(look.fakes, look.judged)
    assert alone.distance == look.distance and alone.certificate == look.certificate
    assert alone.reference_certificate == look.reference_certificate
    first = Judged(look.judged.real_scores, *(part[:1] for part in look.judged[1:]))
    assert probe.compare(look.fakes, first).certificate.w1 == look.solutions[0].value
    with pytest.raises(ValueError, match="without a critic's scores"):
        _ = probe.compare(look.fakes).certificate


def test_splits_and_training_pieces_are_disjoint(digits, settings):
    sets = real_sets(digits, "test", 60, 2)
    pieces = [sets.real, *sets.others]
    rows = [row.tobytes() for piece in pieces for row in piece]
    assert len(pieces) == 3 and len(set(rows)) == len(rows)


def test_neighbours_start_with_the_sample_and_then_its_copies(digits, settings):
    copies = digits.examples("train", np.arange(60))[0]
    probe = Probe.of(settings, digits, table_lookup(copies), linear_critic(1.0), "test")
    rows = probe.look({}).neighbours(5, 3)
    assert rows.shape == (5, 4, 8, 8, 1)
    np.testing.assert_array_equal(rows[:, 0], rows[:, 1])
    assert not np.array_equal(rows[:, 1], rows[:, 2])


def test_more_samples_continue_fewer_and_differ_from_the_generated_sets(digits, settings):
    latents = Network(lambda key: {}, lambda params, z: z)
    look = Probe.of(settings, digits, latents, linear_critic(1.0), "test").look({})
    few, many = look.sample(70), look.sample(130)
    assert few.shape == (70, 32)
    np.testing.assert_array_equal(few, many[:70])
    rows = [row.tobytes() for part in (many, *look.fakes) for row in part]
    assert len(set(rows)) == len(rows) == 130 + 2 * 60
