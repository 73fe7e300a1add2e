"""The two binaries of certified transport, end to end in miniature."""

import itertools
import json
import re

import numpy as np
import pytest

import gan
from gan import transport
from gan.errors import UserError
from gan.runner import sets
from tests.experiments.commands import call


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 5)), rng.normal(size=(60, 5)) + 1
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "y.npz", points=y)
    return tmp_path, x, y


def field(out, name):
    return next(text for text in out.splitlines() if text.startswith(name)).split()


def test_certify_and_verify_agree(files):
    folder, x, y = files
    sets = ["--source", folder / "x.npy", "--target", folder / "y.npz"]
    status, out, err = call("certify", *sets, "--output", folder / "c.npz")
    assert (status, err) == (0, "")
    assert float(field(out, "value")[1]) == pytest.approx(transport.wasserstein(x, y), rel=1e-11)
    assert float(field(out, "floor")[1]) > 0
    status, out, _ = call("verify", folder / "c.npz", *sets)
    assert status == 0
    assert "holds" in out
    assert float(field(out, "gap")[1]) < 1e-12


def test_a_verification_says_how_long_it_will_take(tmp_path):
    x, y = np.random.default_rng(0).normal(size=(2, 1200, 2))
    transport.assignment(x, y).certificate.save(tmp_path / "c.npz")
    np.savez(tmp_path / "x.npz", x), np.savez(tmp_path / "y.npz", y)
    sets = ["--source", tmp_path / "x.npz", "--target", tmp_path / "y.npz"]
    status, _, err = call("verify", tmp_path / "c.npz", *sets)
    assert status == 0
    assert re.fullmatch(r"     43% verified, \d+ s left\n     85% verified, \d+ s left\n", err)


def test_a_tampered_file_fails_verification(files):
    folder, _, _ = files
    sets = ["--source", folder / "x.npy", "--target", folder / "y.npz"]
    call("certify", *sets, "--output", folder / "c.npz")
    with np.load(folder / "c.npz") as file:
        arrays = dict(file)
    arrays["columns"][[0, 1]] = arrays["columns"][[1, 0]]
    np.savez(folder / "bad.npz", **arrays)
    status, out, _ = call("verify", folder / "bad.npz", *sets)
    assert status == 1
    assert "is false" in out
    status, _, err = call(
        "verify", folder / "c.npz", "--source", folder / "x.npy", "--target", folder / "x.npy"
    )
    assert status == 2
    assert "y is not the point set" in err


def test_unequal_sizes_and_data_sets(tmp_path):
    sets = ["--source", "digits:train:40", "--target", "digits:test:25"]
    command = [*sets, "--cost", "sqeuclidean", "--output", tmp_path / "c.npz"]
    status, out, _ = call("certify", *command)
    assert status == 0
    assert field(out, "gap")[1:] == ["0", "in", "integers"]
    assert call("verify", tmp_path / "c.npz", *sets)[0] == 0


def test_the_floor_is_between_sets_as_large_as_those_compared(files):
    folder, x, y = files
    sets = ["--target", folder / "y.npz", "--output", folder / "c.npz"]
    np.save(folder / "z.npy", x[:40] + 1)
    out = call("certify", "--source", folder / "x.npy", "--reference", folder / "z.npy", *sets)[1]
    expected = transport.plan(x[:40] + 1, y, cost="euclidean").value
    assert float(field(out, "floor")[1]) == pytest.approx(expected, rel=1e-11)
    assert "40 other real points against the target's 60" in out
    out = call("certify", "--source", folder / "x.npy", *sets)[1]
    assert "two random halves of the target, 30 points each" in out


@pytest.mark.parametrize("source", ["digits:train:40", "digits:test:40", "digits:train"])
def test_the_floor_takes_examples_of_neither_set(source):
    target = "digits:test:30"
    others = sets.others(target, source, 900 if source.endswith(":40") else 500, None)
    rows = {row.tobytes() for row in others}
    assert len(rows) == len(others)
    for text in (target, source):
        assert not rows & {row.tobytes() for row in sets.read(text, None).array}
    assert sets.others(target, source, 1800, None) is None
    assert sets.others("x.npy", source, 10, None) is None


@pytest.mark.parametrize(
    "change, message",
    [
        (["--source", "digits"], "is no set of examples"),
        (["--reference", "digits"], "is no set of examples"),
        (["--source", "digitz:train"], "did you mean 'digits'"),
        (["--source", "digits:trian"], "train"),
        (["--source", "digits:train:0"], "positive integer, got '0'"),
        (["--source", "digits:train:99999"], "99999 were asked for"),
        (["--source", "missing.npy"], "cannot read missing.npy"),
        (["--cost", "euclid"], "did you mean 'euclidean'"),
        (["--output", "c.txt"], "must end in .npz"),
        (["--seconds", "-1"], "--seconds: must be in"),
    ],
)
def test_mistakes_end_with_status_2(files, change, message):
    folder, _, _ = files
    command = {
        "--source": folder / "x.npy",
        "--target": folder / "y.npz",
        "--output": folder / "c.npz",
    } | dict([change])
    status, _, err = call("certify", *[part for pair in command.items() for part in pair])
    assert status == 2
    assert message in err
    assert len(err.splitlines()) <= 3


def test_the_benchmark_keeps_what_it_measures(tmp_path, monkeypatch):
    from gan.benchmarks import instances as benchmark

    small = benchmark.Instance("small", "euclidean", benchmark.gaussian(50, 3))
    unequal = benchmark.Instance("unequal", "euclidean", benchmark.clusters(60))
    ties = benchmark.Instance("ties", "sqeuclidean", benchmark.grid(70))
    three = {"plane_20k": small, "clusters_20k": unequal, "grid_20k": ties}
    monkeypatch.setattr(benchmark, "INSTANCES", three)
    for name in three:
        status, out, _ = call("transport_benchmark", "--workdir", tmp_path, "--only", name)
        assert status == 0 and json.loads(out)["verified_gap"] <= 1e-12
    status, out, _ = call("transport_benchmark", "--workdir", tmp_path, "--only", "plane_20k")
    assert status == 0
    result = json.loads(out)
    assert result == json.loads((tmp_path / "plane_20k.json").read_text())
    assert result["verified_gap"] <= 1e-12
    status, out, _ = call("transport_benchmark", "--workdir", tmp_path)
    assert status == 0
    assert out.count("| small | euclidean | 50 | 3 |") == 1
    status, _, err = call("transport_benchmark", "--workdir", tmp_path, "--only", "plane_20")
    assert status == 2
    assert "did you mean 'plane_20k'?" in err


def test_warm_and_cold_starts_take_turns(tmp_path):
    flags = "--size 1100 --dimension 4 --repeats 2".split()
    status, out, err = call("transport_warm", "--workdir", tmp_path, *flags)
    assert (status, err) == (0, "")
    rows = json.loads((tmp_path / "warm.json").read_text())
    assert [row["start"] for row in rows] == ["cold", "potentials", "kept"] * 4
    assert {row["move"] for row in rows} == {"0.01", "0.1"}
    assert len({row["length"] for row in rows}) == 4
    assert all(0 <= row["relative_gap"] <= 1e-12 and row["passes"] > 0 for row in rows)
    assert out.count("| 0.01 |") == out.count("| 0.1 |") == 3
    assert call("transport_warm", "--workdir", tmp_path, "--repeats", 0)[0] == 2


def test_the_moves_of_a_training_are_its_checkpoints(tmp_path):
    near, out = str(tmp_path / "near"), str(tmp_path / "warm")
    config = gan.presets.get("digits")
    small = {"steps": 3, "checkpoint_every": 1, "generator.width": 16, "critic.width": 16}
    gan.train(gan.config.replace(config, small), near)
    flags = ["--run", near, "--size", 300, "--repeats", 1, "--cost", "sqeuclidean"]
    status, text, err = call("transport_warm", "--workdir", out, *flags)
    assert status == 0, err
    rows = json.loads((tmp_path / "warm" / "warm.json").read_text())
    assert {row["move"] for row in rows} == {"from round 1 to 2", "from round 1 to 3"}
    assert 0 < rows[0]["length"] < rows[-1]["length"] < rows[0]["distance"]
    assert "| from round 1 to 3 |" in text
    status, _, err = call("transport_warm", "--workdir", out, "--run", near, "--size", 1202)
    assert status == 2 and "has 1201 training examples" in err


@pytest.mark.slow
def test_the_peers_agree_and_a_slow_one_is_left_out(tmp_path, monkeypatch):
    from gan.benchmarks import peers

    status, out, err = call(
        "transport_peers", "--workdir", tmp_path, *"--sizes 40 --repeats 1".split()
    )
    assert (status, err) == (0, "")
    rows = json.loads((tmp_path / "peers.json").read_text())
    here = [name for name in peers.SOLVERS if peers.installed(name)]
    assert {"ours", "scipy", "ortools_dense", "pot_dense", "pot_lazy"} <= set(here)
    cases = list(itertools.product((2, 64), ("euclidean", "sqeuclidean"), here))
    assert [(row["d"], row["cost"], row["solver"]) for row in rows] == cases
    best = {(row["d"], row["cost"]): row["value"] for row in rows if row["solver"] == "ours"}
    assert len(set(best.values())) == 4
    for row in rows:
        precision = 1e-5 if row["solver"] in ("ott_hungarian", "lapx_single") else 1e-9
        assert row["value"] == pytest.approx(best[row["d"], row["cost"]], rel=precision)
        assert row["seconds"] > 0
    assert out.count("| 40 |") == len(rows)
    assert (tmp_path / "peers.png").stat().st_size > 5000
    monkeypatch.setattr(peers, "elsewhere", lambda *_: pytest.fail("measured again"))
    assert peers.run(tmp_path, [40], [2, 64], peers.COSTS, 1, 100) == rows
    monkeypatch.setattr(
        peers,
        "elsewhere",
        lambda name, n, d, cost, limit: {**rows[0], "solver": name, "n": n, "value": None},
    )
    more = peers.run(tmp_path, [50, 60], [2], ["euclidean"], 1, 0.1)
    assert [row["n"] for row in more[len(rows) :]] == [50] * len(here)
    monkeypatch.setattr(peers, "NEEDS", {"lap": ("no_such_module", "lapjv")})
    assert not peers.installed("lap")
    with pytest.raises(UserError, match="lap is not installed"):
        peers.measure("lap", 10, 2, "euclidean")
    status, _, err = call("transport_peers", "--workdir", tmp_path, "--only", "sciphy")
    assert status == 2
    assert "did you mean 'scipy'" in err


@pytest.mark.slow
def test_approximate_solvers_are_judged_by_the_optimum(tmp_path, monkeypatch):
    from gan.benchmarks import approximations, peers

    some = {name: approximations.SOLVERS[name] for name in ("sliced", "hierarchical")}
    monkeypatch.setattr(approximations, "SOLVERS", some)
    flags = ["--workdir", tmp_path, "--sizes", 300, "--dimensions", 2]
    status, out, err = call("transport_approximations", *flags)
    assert (status, err) == (0, "")
    rows = json.loads((tmp_path / "approximations.json").read_text())
    assert [row["solver"] for row in rows] == ["sliced", "hierarchical", "exact"]
    x, y = peers.sets(300, 2)
    optimum = transport.wasserstein(x, y, p=2) ** 2
    for row in rows:
        assert row["lower"] == pytest.approx(optimum, rel=1e-11)
        assert row["excess"] == pytest.approx([row["value"] / optimum - 1] * 2, abs=1e-11)
        if row["solver"] != "exact":
            found = np.load(tmp_path / f"{row['solver']}-sqeuclidean-2-300.npy")
            assert row["value"] == pytest.approx(((x - y[found]) ** 2).sum(axis=1).mean())
    assert out.count("| 300 |") == 3
    assert (tmp_path / "approximations.png").stat().st_size > 5000
    monkeypatch.setattr(approximations, "elsewhere", lambda *_: pytest.fail("measured again"))
    assert approximations.run(tmp_path, [300], [2], "sqeuclidean", 100) == rows
    monkeypatch.setattr(approximations, "elsewhere", late)
    more = approximations.run(tmp_path, [400, 500], [2], "sqeuclidean", 0.1)[len(rows) :]
    assert [row["n"] for row in more] == [400, 400, 400, 500]
    assert approximations.summarize(more).count("over the limit") == 2


def late(name, *_):
    exact = {"value": 1.0, "lower": 1.0, "upper": 1.0, "excess": (0, 0)}
    return {"exact": exact | {"seconds": 1.0, "seconds_cpu": 1.0}} if name == "exact" else None


def test_another_solver_is_judged(files):
    folder, x, y = files
    sets = ["--source", folder / "x.npy", "--target", folder / "y.npz"]
    given = np.random.default_rng(1).permutation(60)
    np.save(folder / "s.npy", given)
    np.savez(folder / "s.npz", plan=np.eye(60)[given] / 60)
    excess = np.linalg.norm(x - y[given], axis=1).mean() / transport.wasserstein(x, y) - 1
    for name in ("s.npy", "s.npz"):
        command = [*sets, "--permutation", folder / name, "--output", folder / "c.npz"]
        status, out, err = call("certify", *command)
        assert (status, err) == (0, "")
        assert float(field(out, "excess")[1]) == pytest.approx(100 * excess, rel=1e-2)
        assert call("verify", folder / "c.npz", *sets)[0] == 0


def test_what_is_no_permutation_is_one_line(files):
    folder, _, _ = files
    np.save(folder / "s.npy", np.zeros(60, int))
    sets = ["--source", folder / "x.npy", "--target", folder / "y.npz"]
    command = [*sets, "--output", folder / "c.npz", "--permutation", folder / "s.npy"]
    status, _, err = call("certify", *command)
    assert status == 2 and "every number once, got 0 60 times" in err
    status, _, err = call("certify", *command, "--reference", folder / "x.npy")
    assert status == 2 and "--reference is for the floor" in err
    np.savez(folder / "s.npz", a=np.arange(60), b=np.arange(60))
    status, _, err = call("certify", *command[:-1], folder / "s.npz")
    assert status == 2 and "must hold one array, it holds 2" in err
    assert not (folder / "c.npz").exists()


def test_a_try_that_ran_out_of_time_is_resumed(tmp_path):
    rng = np.random.default_rng(2)
    np.save(tmp_path / "x.npy", rng.normal(size=(1500, 3)))
    np.save(tmp_path / "y.npy", rng.normal(size=(1500, 3)) + 1)
    sets = ["--source", tmp_path / "x.npy", "--target", tmp_path / "y.npy"]
    early, late = tmp_path / "early.npz", tmp_path / "late.npz"
    _, out, _ = call("certify", *sets, "--seconds", "0.000001", "--output", early)
    assert float(field(out, "gap")[1]) > 0
    status, out, _ = call("certify", *sets, "--resume", early, "--output", late)
    assert status == 0 and float(field(out, "gap")[1]) < 1e-11
    status, _, err = call("certify", *sets, "--resume", tmp_path / "x.npy", "--output", late)
    assert status == 2 and "is not a certificate" in err
