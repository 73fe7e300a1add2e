"""The architecture study: its sample, its tables by hand, and the whole of it in miniature."""

import csv
import re

import numpy as np
import pytest

from experiments.architectures.__main__ import BASE
from gan import config
from gan.benchmarks import architecture_space as space
from gan.benchmarks import architecture_tables as tables
from gan.errors import UserError
from tests.experiments.commands import call

# The sample


def test_the_space_has_the_size_of_the_paper():
    assert space.SIZE == 9216
    drawn = space.sample(space.SIZE, 3)
    assert len({tuple(a.values()) for a in drawn}) == 9216
    assert all(a[name] in space.AXES[name] for a in drawn[:50] for name in space.AXES)


def test_a_sample_is_fixed_by_its_seed_and_grows_at_the_end():
    assert space.sample(5, 0) == space.sample(200, 0)[:5]
    assert space.sample(5, 0) != space.sample(5, 1)
    for values, axis in zip(space.AXES.values(), space.AXES, strict=True):
        drawn = [a[axis] for a in space.sample(500, 0)]
        counts = [drawn.count(value) for value in values]
        assert min(counts) > 0.7 * 500 / len(values), axis
    with pytest.raises(UserError, match="9216"):
        space.sample(9217, 0)


@pytest.mark.parametrize("objective", space.OBJECTIVES)
def test_an_architecture_becomes_the_config_that_it_names(objective):
    architecture = {
        "generator_activation": "tanh",
        "critic_activation": "softplus",
        "generator_depth": 12,
        "critic_depth": 20,
        "generator_norm": True,
        "critic_norm": True,
        "generator_filters": 128,
        "critic_filters": 64,
    }
    found = space.configure(BASE, architecture, objective, shrink=8, speed=5.0)
    assert found.generator == config.Network("table1", 16, 12, "tanh", "batch")
    norm = "batch" if objective == "gan" else "layer"
    assert found.critic == config.Network("table1", 8, 20, "softplus", norm)
    assert found.penalty == {"gan": "none", "gp": "two_sided", "one_sided": "one_sided"}[objective]
    rate, betas = (1e-3, (0.5, 0.999)) if objective == "gan" else (5e-4, (0.0, 0.9))
    assert found.critic_learning_rate == found.generator_learning_rate == pytest.approx(rate)
    assert (found.beta1, found.beta2) == betas
    plain = architecture | {"generator_norm": False, "critic_norm": False}
    found = space.configure(BASE, plain, objective, shrink=1000, speed=1.0)
    assert found.generator.normalization == found.critic.normalization == "none"
    assert found.generator.width == 1


# The tables


def rows_of(scores):
    """Rows with scores {architecture: (gan, gp)}; None diverged."""
    return [
        {
            "architecture": number,
            "objective": objective,
            "state": "diverged" if value is None else "finished",
            "reason": "step 3: penalty = nan",
            "score": value,
            **{axis: values[number % len(values)] for axis, values in space.AXES.items()},
        }
        for number, pair in scores.items()
        for objective, value in zip(("gan", "gp"), pair, strict=True)
    ]


def test_the_published_counts_give_the_published_p_values():
    published = {3: (1, 88, 110, 1), 5: (0, 147, 42, 11), 7: (1, 104, 5, 90)}
    for threshold, (only_gan, only_gp, both, neither) in published.items():
        high, low = threshold + 1, threshold - 1
        pairs = [(high, low)] * only_gan + [(low, high)] * only_gp
        pairs += [(high, high)] * both + [(low, low)] * neither
        (cell,) = tables.contingency(rows_of(dict(enumerate(pairs))), [threshold])
        counts = [cell[name] for name in ("only_a", "only_b", "both", "neither")]
        assert counts == [only_gan, only_gp, both, neither]
        expected = {3: 3e-25, 5: 1e-44, 7: 5e-30}[threshold]
        assert cell["p"] == pytest.approx(expected, rel=0.5)


def test_tables_of_known_rows():
    rows = rows_of({0: (2.0, 6.0), 1: (None, 6.5), 2: (7.0, 4.0), 3: (6.0, 8.0), 4: (1.0, 1.0)})
    first, second = tables.successes(rows, [5])
    assert (first["trained"], first["diverged"], first["median"], first["best"]) == (5, 1, 2.0, 7.0)
    assert first["shares"][0][0] == 2 / 5 and second["shares"][0][0] == 3 / 5
    assert first["shares"][0][1] < 2 / 5 < first["shares"][0][2]
    (cell,) = tables.contingency(rows, [5])
    counts = [cell[name] for name in ("only_a", "only_b", "both", "neither")]
    assert counts == [1, 2, 1, 1] and cell["p"] == 1 and cell["share"] == pytest.approx(1 / 3)
    (cell,) = tables.comparisons(rows)
    assert (cell["higher"], cell["lower"], cell["same"]) == (1, 3, 1)
    assert cell["p"] == pytest.approx(2 * 5 / 16) and cell["median"] == -2.0
    assert tables.by_choice(rows)["generator_depth 4"] == {
        "gan": [1.5, 2],
        "gp": [3.5, 2],
    }
    text = tables.markdown(rows, [5])
    assert "| non-saturating GAN | WGAN-GP | 5 | 1 | 2 | 1 | 1 | 1 | 33 % [1, 91] |" in text
    assert "Diverged: 1 of 10" in text and "penalty = nan" in text


def test_an_architecture_with_a_missing_objective_is_left_out_of_pairs():
    rows = rows_of({0: (2.0, 6.0), 1: (3.0, 7.0)})[:-1]
    (cell,) = tables.contingency(rows, [5])
    assert cell["only_b"] == 1 and cell["neither"] == 0
    assert tables.contingency(rows[:1], [5]) == []


def test_the_interval_of_a_median_covers_as_often_as_it_says():
    draw = np.random.default_rng(0)
    covered = 0
    for _ in range(2000):
        low, high = tables.median_interval(draw.exponential(size=15))
        covered += low <= np.log(2) <= high
    assert 0.95 <= covered / 2000 < 0.99
    assert tables.median_interval(np.arange(5.0)) is None
    assert tables.median_interval(np.arange(6.0)) == [0.0, 5.0]


# The study in miniature

TINY = ["--sample", 3, "--trials", 1, "--steps", 2, "--batch_size", 4, "--shrink", 64]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A finished study of one architecture: (directory, stdout)."""
    workdir = tmp_path_factory.mktemp("study")
    status, out, err = call("architectures", "--workdir", workdir, *TINY)
    assert status == 0, err
    return workdir, out


def read(workdir):
    with open(workdir / "architectures.csv", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_every_architecture_has_a_row_per_objective(study):
    workdir, out = study
    rows = read(workdir)
    assert [row["objective"] for row in rows] == ["gan", "gp", "one_sided"]
    assert "done rows=3 of 3" in out and "McNemar" in (workdir / "architectures.md").read_text()
    drawn = space.sample(3, 0)[0]
    for row in rows:
        assert {name: row[name] for name in drawn} == {k: str(v) for k, v in drawn.items()}
        assert row["state"] == "finished" and 1 <= float(row["score"]) <= 10
        assert float(row["w1"]) > float(row["w1_floor"]) > 0
        certified = float(row["critic_share"]) * float(row["lipschitz"]) * float(row["w1_probe"])
        assert float(row["w1_estimate"]) == pytest.approx(certified, rel=1e-6)
        shown = np.load(workdir / "rows" / f"0000_{row['objective']}.npy")
        assert shown.shape == (16, 8, 8, 1) and shown.std() > 0
    assert len({row["score"] for row in rows}) == 3
    for name in ("scatter.png", "members.png"):
        assert (workdir / name).stat().st_size > 5000


@pytest.mark.slow
def test_finished_rows_are_kept_and_a_lost_one_is_trained_again(study):
    workdir, _ = study
    before = read(workdir)
    kept = (workdir / "rows" / "0000_gp.json").stat().st_mtime_ns
    lost = workdir / "rows" / "0000_gan.json"
    lost.unlink()
    status, out, err = call("architectures", "--workdir", workdir, *TINY)
    assert status == 0, err
    assert (workdir / "rows" / "0000_gp.json").stat().st_mtime_ns == kept
    after = read(workdir)
    for old, new in zip(before, after, strict=True):
        for name in set(old) - {"seconds", "processor_seconds"}:
            assert old[name] == new[name]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "hint"),
    [
        (["--steps", 3], "steps: 2 -> 3"),
        (["--trials", 4], "--trials must be in 1 .. 3"),
        (["--trials", 0], "--trials: must be in 1 .. 9,216"),
        (["--sample", 0], "--sample: must be in 1 .. 9,216"),
        (["--speed", "nan"], "--speed"),
        (["--shrink", 0], "--shrink"),
        (["--study_seed", -1], "--study_seed"),
        (["--steps", 0], "steps: must be in 1 .."),
        (["--trails", 1], "--trails"),
    ],
)
def test_mistakes_end_with_status_two(study, flags, hint):
    status, out, err = call("architectures", "--workdir", study[0], *TINY, *flags)
    assert status == 2 and hint in err and len(err.splitlines()) <= 3, err


def test_points_have_no_table1_members(tmp_path):
    flags = [*TINY, "--data", "gaussians8"]
    status, _, err = call("architectures", "--workdir", tmp_path, *flags)
    assert status == 2 and re.search("square images|table1", err), err


@pytest.mark.slow
def test_a_member_that_diverges_is_a_row_and_a_failure(tmp_path):
    flags = [*TINY, "--speed", 1e30]
    status, _, err = call("architectures", "--workdir", tmp_path, *flags)
    assert status == 0, err
    states = [row["state"] for row in read(tmp_path)]
    assert "diverged" in states
    assert "Diverged: 0" not in (tmp_path / "architectures.md").read_text()
