"""How cost grows: power_laws on exact laws, points measured once, pages in miniature, mistakes."""

import json
import math
import os

import numpy as np
import pytest

from gan import transport
from gan.benchmarks import growth_axes, growth_page, growth_points, power_laws
from gan.benchmarks.instances import gaussian
from gan.runs import environment
from tests.experiments.commands import call


@pytest.mark.parametrize("exponent", [-1.0, 0.5, 1.0, 3.0])
def test_an_exact_power_law_is_found_with_an_interval_of_no_width(exponent):
    sizes = [64, 1, 8, 512]
    fit = power_laws.fit(sizes, [2.5 * n**exponent for n in sizes])
    assert fit.exponent == pytest.approx(exponent, abs=1e-12)
    assert fit.factor == pytest.approx(2.5, rel=1e-12)
    assert fit.last == pytest.approx(exponent, abs=1e-12)
    np.testing.assert_allclose(fit.interval, [exponent, exponent], atol=1e-12)
    np.testing.assert_allclose(power_laws.predict(fit, 4096), 2.5 * 4096**exponent, rtol=1e-11)


def test_the_interval_covers_the_exponent_as_often_as_it_says():
    """2,000 noisy laws: 95 % of the intervals hold the exponent, of one more value the value."""
    rng, sizes = np.random.default_rng(0), 2.0 ** np.arange(5)
    covered = predicted = 0
    for _ in range(2000):
        fit = power_laws.fit(sizes, sizes**1.5 * np.exp(0.2 * rng.normal(size=5)))
        covered += fit.interval[0] <= 1.5 <= fit.interval[1]
        _, low, high = power_laws.predict(fit, 128.0)
        predicted += low <= 128.0**1.5 * math.exp(0.2 * rng.normal()) <= high
    assert abs(covered / 2000 - 0.95) < 0.02
    assert abs(predicted / 2000 - 0.95) < 0.02


def test_a_curve_that_bends_shows_it():
    sizes = [1, 10, 100, 1000]
    fit = power_laws.fit(sizes, [5 + n for n in sizes])
    assert fit.exponent < 0.9 < fit.last < 1
    assert fit.interval[1] - fit.interval[0] > 0.5


def test_two_sizes_give_no_interval_and_one_gives_no_law():
    fit = power_laws.fit([1, 4], [3, 6])
    assert fit.exponent == pytest.approx(0.5) and fit.interval is None
    for sizes, values in (([2], [1]), ([2, 2], [1, 3]), ([1, 2], [0, 1]), ([1, 2], [1, -1])):
        with pytest.raises(ValueError, match="two different sizes"):
            power_laws.fit(sizes, values)


def test_the_reference_points_are_the_benchmarks():
    from gan.benchmarks import workloads

    assert growth_axes.dcgan() == workloads.of("dcgan28")
    assert growth_axes.mlp(width=64) == workloads.of("mlp64")
    assert growth_axes.dcgan(14, batch=16, width=32).data.name == "noise14"


@pytest.mark.slow
def test_transport_is_timed_certified_and_taken_apart():
    found = growth_axes.assignment(1100, 3)
    assert found["sparse"] > 0 and found["dense"] > 0
    assert found["seconds"] == [pytest.approx(found["sparse"] + found["dense"])]
    value = transport.assignment(*gaussian(1100, 3)(None)).value
    assert -1e-12 * value <= found["verified_gap"] * value < 1e-9
    assert found["passes"] >= 1 and found["solves"] >= 1


@pytest.mark.slow
def test_members_are_counted():
    from gan import networks
    from gan.benchmarks import workloads

    found, solo = growth_axes.population(2, True, 0.05), workloads.of("population16")
    players = networks.players(solo, (2,), ())
    assert found["gflop"] == pytest.approx(2 * workloads.gflop(solo, *players, (2,)))
    assert len(found["seconds"]) == growth_axes.READINGS and min(found["seconds"]) > 0


@pytest.fixture
def measured(monkeypatch):
    """Points are measured in this process; the list says which."""
    asked = []

    def here(name, size, seconds, limit):
        asked.append((name, size))
        return growth_axes.AXES[name].measure(size, seconds)

    monkeypatch.setattr(growth_points, "elsewhere", here)
    return asked


def test_a_small_run_end_to_end_and_again(tmp_path, measured):
    flags = ["--workdir", tmp_path, "--axes", "product", "--sizes", 64, 128, 256, "--repeats"]
    status, out, err = call("growth", *flags, 1)
    assert status == 0, err
    assert measured == [("product", 64), ("product", 128), ("product", 256)]
    found = json.loads((tmp_path / "growth.json").read_text())
    rows = found["rows"]
    assert [row["size"] for row in rows] == [64, 128, 256]
    assert all(row["seconds"][0] > 0 for row in rows)
    assert [row["gflop"] for row in rows] == [2e-9 * n**3 for n in (64, 128, 256)]
    fit = growth_page.fit(found, "product")
    assert f"| product of two matrices | rows | 64 to 256 | **{fit.exponent:.2f}** |" in out
    assert out.strip() == (tmp_path / "growth.md").read_text().strip()
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")

    status, again, _ = call("growth", *flags, 1)
    assert status == 0 and again == out and len(measured) == 3
    status, _, err = call("growth", *flags, 2, "--stop_after", 1e-9)
    assert status == 0 and len(measured) == 3 and "the same command continues" in err
    status, *_ = call("growth", *flags, 2)
    assert status == 0 and len(measured) == 6


def test_one_point_is_printed(tmp_path):
    status, out, _ = call("growth", "--workdir", tmp_path, "--only", "product", "--sizes", 64)
    found = json.loads(out)
    assert status == 0 and found["gflop"] == 2e-9 * 64**3 and found["seconds"][0] > 0
    assert not list(tmp_path.iterdir())


def test_sizes_past_the_limit_are_not_tried_again(tmp_path, monkeypatch):
    asked = []

    def slow(name, size, seconds, limit):
        asked.append(size)
        return {"seconds": [1.0 * size] if size < 4 else None, "gflop": 1.0, "bytes": 2**20}

    monkeypatch.setattr(growth_points, "elsewhere", slow)
    chosen = {"mlp_width": (1, 2, 4, 8)}
    for _ in range(2):
        found = growth_points.run(str(tmp_path), chosen, repeats=2, seconds=1.0)
    assert asked == [1, 2, 4, 1, 2]
    assert growth_page.fit(found, "mlp_width").exponent == pytest.approx(1)
    assert list(growth_page.medians(found, "mlp_width")) == [1, 2]


def invented():
    """Measurements by formula: every axis a power law."""
    rows = []
    for name, axis in growth_axes.AXES.items():
        for n in axis.sizes:
            seconds = 1e-6 * n**1.5
            row = {"axis": name, "size": n, "repeat": 0, "seconds": [seconds]}
            row |= {"gflop": 2.0 * n, "bytes": 1000 * n}
            if name.startswith("transport"):
                row |= {"gflop": None, "dense": 0.75 * seconds, "sparse": seconds / 4}
                row |= {"passes": 2.0, "solves": 7, "first": 1.0, "verify": 1.0}
                row |= {"relative_gap": 0.0, "verified_gap": 0.0}
            rows.append(row)
    return {"when": "2026-01-01", "cores": 2, "machine": "M", "jax": "0", "rows": rows}


def test_the_page_holds_what_was_measured(tmp_path):
    page = growth_points.write(str(tmp_path), invented())
    assert (
        "| exact transport, d = 64 | points in each set (n) | 2,000 to 64,000 | **1.50** |" in page
    )
    assert (tmp_path / "growth.md").read_text().strip() == page.strip()


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--axes", "mlp_widht"], "did you mean 'mlp_width'"),
        (["--only", "time"], "unknown axis"),
        (["--only", "mlp_width"], "--only needs one of --sizes"),
        (["--sizes", "8"], "--sizes go with --axes"),
        (["--axes", "mlp_width", "--sizes", "0"], "must be in 1 .. 100,000,000"),
        (["--repeats", "0"], "--repeats: must be in"),
        (["--seconds", "inf"], "--seconds: must be in"),
        (["--stop_after", "-1"], "--stop_after: must be in"),
        (["--axes", "mlp_width", "--sizes", "many"], "--sizes"),
    ],
)
def test_mistakes_end_with_status_2(tmp_path, flags, message):
    status, out, err = call("growth", "--workdir", tmp_path / "x", *flags)
    assert status == 2 and out == ""
    assert message in err and "Traceback" not in err
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("other", [{"cores": 4096}, {"machine": "Z"}])
def test_another_machine_is_refused(tmp_path, other):
    here = {"cores": len(os.sched_getaffinity(0)), "machine": environment.processor()}
    kept = invented() | here | other
    (tmp_path / "growth.json").write_text(json.dumps(kept))
    one = ("--axes", "product", "--sizes", 64)
    status, _, err = call("growth", "--workdir", tmp_path, *one)
    assert status == 2 and f"measured on {kept['cores']} cores of {kept['machine']}" in err


def test_a_point_that_cannot_be_measured_is_named(tmp_path, monkeypatch):
    """The process's own last line, without a traceback."""
    status, _, err = call("growth", "--workdir", tmp_path, "--axes", "dcgan_side", "--sizes", 5)
    assert status == 2 and "dcgan_side at 5: dcgan needs an even image side above 4" in err
