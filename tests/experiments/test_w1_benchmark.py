import dataclasses
import json

import jax
import numpy as np
import pytest
from PIL import Image

from experiments.w1_benchmark import study
from gan.benchmarks import (
    critic_methods,
    critic_pairs,
    critic_protocols,
    critic_tables,
    critic_training,
)
from gan.errors import NonFiniteError
from gan.transport import known_pairs
from tests.experiments.commands import call

TINY = critic_protocols.Protocol(32, 30, 5e-3, "linear", evaluation_size=256)
COLUMNS = {"dim", "family", "method", "seed", "cosine", "l2", "w1_estimate", "w1_true"}


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(critic_protocols.PROTOCOLS, "short", TINY)


@pytest.fixture
def funnels(tmp_path):
    path = tmp_path / "mine.npz"
    np.savez(path, centers=np.array([[1.0, 0.5, 0.0], [-1.0, 0.0, 1.0]]), offsets=np.zeros(2))
    return path


def published(path, pair):
    path.write_text(
        "fingerprint,dim,funnels,method,cosine,l2,w1_estimate\n"
        f"{pair.fingerprint},3,2,wgan-lp,0.875,0.125,1.5\n"
        f"{pair.fingerprint},3,2,unheard-of,0.1,0.1,0.1\n"
        "000000000000,3,2,wgan-gp,0.625,0.125,1.5\n"
    )
    return path


def test_end_to_end_then_nothing_is_trained_twice(tiny, funnels, tmp_path, monkeypatch):
    pair = known_pairs.load_funnels(str(funnels))
    workdir = tmp_path / "run"
    flags = ["--methods", "lp", "groupsort", "--seeds", 2, "--workdir", workdir]
    flags += ["--funnels", funnels, "--published", published(tmp_path / "published.csv", pair)]
    status, out, err = call("w1_benchmark", *flags)
    assert status == 0, err
    rows = json.loads((workdir / "w1_benchmark.json").read_text())
    assert [(r["method"], r["seed"]) for r in rows] == [
        ("lp", 0),
        ("lp", 1),
        ("groupsort", 0),
        ("groupsort", 1),
    ]
    for row in rows:
        assert COLUMNS | {"w1_true_stderr"} <= set(row)
        assert (row["dim"], row["family"], row["steps"]) == (3, "2 funnels", 30)
        assert 0.2 < row["cosine"] < 1 and row["w1_true_stderr"] < 0.01 * row["w1_true"]
    assert rows[0]["cosine"] != rows[1]["cosine"]
    table = (workdir / "w1_benchmark.md").read_text()
    assert "(0.875)" in table and "0.625" not in table and table in out
    assert "1.500" not in table and f"({1.5 / rows[0]['w1_true']:.3f})" in table
    with Image.open(workdir / "cosine_short.png") as image:
        assert image.size[0] > 300

    # A member of a population is what it is alone, up to the order of float32 sums.
    alone = study.run([pair], ["lp"], "short", 1, str(tmp_path / "alone"))
    for name in ("cosine", "l2", "w1_estimate"):
        np.testing.assert_allclose(alone[0][name], rows[0][name], atol=2e-3)

    def refuse(*arguments, **options):
        raise AssertionError("trained again")

    monkeypatch.setattr(critic_training, "train", refuse)
    status, again, _ = call("w1_benchmark", *flags)
    assert status == 0 and again == out
    with pytest.raises(AssertionError, match="trained again"):
        study.run([pair], ["lp"], "short", 3, str(workdir))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--methods", "cliping"], "did you mean 'clipping'"),
        (["--pairs", "dilation"], "did you mean 'dilations'"),
        (["--pairs", "files"], "--pairs files needs --funnels FILE"),
        (["--protocol", "shrt"], "did you mean 'short'"),
        (["--seeds", "0"], "--seeds: must be in 1 .. 10,000"),
        (["--funnels", "absent.npz"], "cannot read the funnels absent.npz"),
        (["--published", "absent.csv"], "wanted are the columns"),
        (["--steps", "3"], "unknown flag '--steps'"),
    ],
)
def test_bad_flags_end_with_status_two(tmp_path, flags, message):
    status, _, err = call("w1_benchmark", "--workdir", tmp_path / "run", *flags)
    assert status == 2 and message in err and len(err.splitlines()) <= 3
    assert not (tmp_path / "run").exists()


def test_files_take_their_cells_of_the_published_grid(tmp_path):
    pair = known_pairs.seeded_funnels(16, 64, seed=7)
    rng = np.random.default_rng([7, 16, 64])
    path = str(tmp_path / "mine.npz")
    np.savez(path, centers=rng.uniform(-2.5, 2.5, (64, 16)), offsets=0.1 * rng.normal(size=64))
    own, mixed = critic_pairs.choose(["funnels"], []), critic_pairs.choose(["funnels"], [path])
    assert len(own) == len(mixed) == 28 == len({(p.dim, p.family) for p in mixed})
    changed = {p.fingerprint for p in mixed} - {p.fingerprint for p in own}
    assert changed == {pair.fingerprint}
    assert [p.fingerprint for p in critic_pairs.choose(["files"], [path])] == [pair.fingerprint]


@pytest.mark.parametrize("family", critic_pairs.FAMILIES)
def test_the_true_critic_is_recognised_in_every_family(family):
    assert set(critic_pairs.NAMES) == {"files", "funnels", *critic_pairs.FAMILIES}
    pairs = critic_pairs.choose([family], [])
    assert len({pair.fingerprint for pair in pairs}) == len(pairs) == 3
    for pair in pairs:
        row = jax.jit(
            lambda key, pair=pair: critic_training.measure(
                pair, lambda x: -pair.potential(x), key, 2048
            )
        )(jax.random.key(0))
        np.testing.assert_allclose(row["cosine"], 1, atol=1e-3)
        truth = known_pairs.w1(pair, 20_000)
        assert pair.w1 is None or abs(truth.value - pair.w1) <= 4 * truth.stderr + 1e-12


def test_the_true_critic_is_recognised_and_its_flaws_are_measured():
    pair = known_pairs.seeded_funnels(4, 8)

    @jax.jit
    def measure(factor):
        key = jax.random.key(0)
        return critic_training.measure(pair, lambda x: -factor * pair.potential(x), key, 4096)

    for factor in (1.0, -1.0, 2.0):
        row = measure(factor)
        # Points of P closer to a centre than float32 resolves have no direction there.
        np.testing.assert_allclose(row["cosine"], np.sign(factor), atol=0.01)
        np.testing.assert_allclose(row["l2"], (1 - factor) ** 2, atol=0.04)
        np.testing.assert_allclose(row["slope_50"], abs(factor), rtol=1e-4)
        np.testing.assert_allclose(
            row["w1_estimate"], factor * known_pairs.w1(pair).value, atol=0.1
        )


def test_a_flat_critic_has_no_direction():
    pair = known_pairs.seeded_funnels(2, 2)
    row = jax.jit(lambda key: critic_training.measure(pair, lambda x: 0 * x.sum(1), key, 64))(
        jax.random.key(0)
    )
    assert (row["cosine"], row["slope_95"], row["w1_estimate"]) == (0, 0, 0)
    np.testing.assert_allclose(row["l2"], 1, rtol=1e-5)


def test_numbers_that_are_not_finite_stop_the_training():
    def update(state, p, q, key, learning_rate):
        return state / (1 - learning_rate)

    learner = critic_methods.Learner(lambda key: jax.numpy.ones(2), update, None)
    protocol = dataclasses.replace(TINY, schedule="constant", learning_rate=1.0)
    with pytest.raises(NonFiniteError, match="after step"):
        critic_training.train(known_pairs.seeded_funnels(1, 1), learner, protocol, [0])


def test_seeds_are_independent_and_a_rising_schedule_is_not_taken():
    """The batch of a step depends on seed and step alone."""
    pair = known_pairs.seeded_funnels(2, 2)
    learner = critic_methods.Learner(
        lambda key: jax.numpy.zeros(2),
        lambda state, p, q, key, rate: jax.numpy.array([q.sum(), rate]),
        lambda state: lambda x: state[0] + state[1] * x.sum(1),
    )

    def slope(schedule, seeds):
        protocol = dataclasses.replace(TINY, schedule=schedule, learning_rate=0.5)
        rows = critic_training.train(pair, learner, protocol, seeds)
        return [row["slope_50"] / np.sqrt(2) for row in rows]

    np.testing.assert_allclose(slope("constant", [0, 1]), [0.5, 0.5], rtol=1e-5)
    np.testing.assert_allclose(slope("linear", [3]), [0.5 / 30], rtol=1e-4)


def test_tables_average_over_complete_instances_only():
    def row(dim, method, cosine):
        common = dict(
            family="4 funnels", seed=0, l2=0.5, w1_estimate=1.0, w1_true=2.0, w1_true_stderr=0.1
        )
        instance = f"d{dim}"
        return common | dict(
            dim=dim, method=method, cosine=cosine, slope_50=1.0, instance=instance, fingerprint="f"
        )

    rows = [row(2, "lp", 0.25), row(2, "gp", 0.5), row(4, "lp", 0.75), row(4, "gp", 0.25)]
    rows.append(row(8, "lp", 0.125))
    text = critic_tables.markdown(rows, {("f", "gp"): dict(cosine=1.0, l2=0.0, w1_estimate=2.0)})
    lines = text.splitlines()
    assert "| 4 funnels | 2 | 2.000 ± 0.100 | 0.500 (1.000) | 0.250 |" in lines
    assert "| 4 funnels | 8 | 2.000 ± 0.100 |  | 0.125 |" in lines
    assert "| mean of 2 | | | 0.375 (1.000) | 0.500 |" in lines


@pytest.mark.slow
@pytest.mark.parametrize("name", critic_methods.METHODS)
def test_every_method_learns_the_direction_of_a_single_funnel(name):
    pair = known_pairs.seeded_funnels(3, 1)
    method = critic_methods.find(name)
    untrained, trained = (
        critic_training.train(
            pair,
            method.learner(3),
            critic_protocols.Protocol(128, steps, rate, "linear", 1024).of(method),
            [0],
        )[0]
        for steps, rate in ((1, 0.0), (300, 2e-3))
    )
    assert trained["cosine"] > max(0.8, untrained["cosine"] + 0.1)
    if name in ("spectral", "groupsort", "cones"):
        assert trained["slope_95"] <= 1 + 1e-4
        assert trained["w1_estimate"] <= known_pairs.w1(pair).value + 0.1
