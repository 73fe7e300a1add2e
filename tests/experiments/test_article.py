"""The article in miniature: each part's claims, and the page that quotes its numbers."""

import dataclasses
import itertools
import json
import math
import re
import signal
import string
import time

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from experiments.article import (
    crossings,
    kantorovich,
    mixture_proportions,
    pixels,
    primal_generator,
    running_times,
    simplex,
    six_points,
    study,
)
from experiments.article.__main__ import NUMBERS
from experiments.article.study import PARTS
from gan import config, networks, transport
from gan.errors import UserError
from gan.reports.story import PartContext, quotations, templates
from gan.transport import brute_force
from tests.experiments.commands import call, finish, start

SMALL_PLAYERS = {
    f"{player}.{field}": value
    for player in ("generator", "critic")
    for field, value in (("width", 16), ("depth", 1))
}
SIZES = {
    1: {"excess": 0.1},
    2: {
        "dimension": 3,
        "repeats": 2,
        "certified_repeats": 2,
        "brute": [3, 4, 5],
        "simplex": [4, 8, 16],
        "assignment": [4, 8, 16],
        "certified": [20, 40],
        "fit_from": {"simplex": 4, "assignment": 4, "certified": 20},
        "wish": 12,
    },
    3: {"instances": 20, "largest": 5},
    4: {
        name: {
            "n": 48,
            "latent_dim": 2,
            "width": 32,
            "depth": 1,
            "steps": 20,
            "learning_rate": 5e-3,
            "measured": [0, 1, 3],
        }
        for name in ("gaussians8", "digits")
    },
    5: {"n": 60, "shifts": [0, 1, 2], "sigma": 1.0, "sets": {"digits": 1}},
    6: {"n": 40, "repeats": 2, "shares": [0.3, 0.5, 0.7]},
    7: {
        "preset": "digits",
        "steps": 4,
        "batch_size": 8,
        "n_critic": 1,
        "latent_dim": 4,
        "log_every": 1,
        "evaluate_every": 2,
        "sample_every": 4,
        "checkpoint_every": 4,
        "evaluation_size": 20,
        "evaluation_repeats": 2,
        **SMALL_PLAYERS,
    },
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """All seven parts in miniature: (directory, results)."""
    workdir = tmp_path_factory.mktemp("article")
    return workdir, study.run(str(workdir), 0, list(PARTS), sizes=SIZES)


# Part 1


@pytest.mark.parametrize("seed", range(5))
def test_the_best_of_all_permutations_is_what_the_solver_finds(seed):
    x, y = six_points.instance(seed, 6)
    permutations, costs = brute_force.every_permutation(cdist(x, y))
    exact = transport.assignment(x, y)
    assert len(permutations) == math.factorial(6) == len({tuple(p) for p in permutations})
    np.testing.assert_array_equal(exact.permutation, permutations[np.argmin(costs)])
    np.testing.assert_allclose(exact.value, costs.min(), rtol=1e-12)
    assert not crossings.crossings(x, y, exact.permutation)


def test_crossings_of_known_segments():
    x, y = np.array([[0.0, 0], [0, 1]]), np.array([[1.0, 0], [1, 1]])
    assert crossings.crossings(x, y, np.array([0, 1])) == []
    assert crossings.crossings(x, y, np.array([1, 0])) == [(0, 1)]
    assert crossings.crossings(x, 5 + y, np.array([0, 1])) == []


@pytest.mark.parametrize("seed", range(3))
def test_uncrossing_always_shortens_and_ends_without_crossings(seed):
    x, y = six_points.instance(seed, 12)
    frames = list(crossings.uncross(x, y, np.arange(12)))
    lengths = [np.linalg.norm(x - y[p], axis=1).sum() for p in frames]
    assert len(frames) > 2
    assert all(after < before for before, after in itertools.pairwise(lengths))
    assert all(crossings.crossings(x, y, p) for p in frames[:-1])
    assert not crossings.crossings(x, y, frames[-1])
    assert all(sorted(p) == list(range(12)) for p in frames)


def test_the_counterexample_is_uncrossed_and_too_expensive():
    x, y, stuck, best, ratio, tried = six_points.counterexample(0, 6, 0.1)
    assert tried >= 1 and sorted(stuck) == list(range(6))
    assert not crossings.crossings(x, y, stuck)
    matrix = cdist(x, y)
    optimum = transport.assignment(x, y)
    np.testing.assert_array_equal(best, optimum.permutation)
    paid = matrix[np.arange(6), stuck].mean()
    assert paid >= 1.1 * optimum.value
    np.testing.assert_allclose(ratio, paid / optimum.value)


# Part 2


def test_exponents_of_known_powers():
    seconds = {n: [1e-6 * n**2.5, 3e-6 * n**2.5] for n in (4, 8, 16, 32)} | {2: [1.0, 1.0]}
    found = running_times.fit(seconds, smallest=4)
    np.testing.assert_allclose([found["mean"], found["spread"]], [2.5, 0], atol=1e-9)
    assert running_times.fit(seconds, smallest=2)["mean"] < 2


def test_methods_agree_and_years_are_counted(written):
    numbers = written[1][2]["numbers"]
    assert numbers["disagreement"] < 1e-12
    assert 0 <= numbers["checked_relative_gap"] < 1e-12
    years = math.factorial(12) * numbers["nanoseconds_per_permutation"] * 1e-9 / running_times.YEAR
    assert numbers["wish_digits"] == 9
    assert (
        10.0 ** (numbers["wish_years_digits"] - 1) <= years < 10.0 ** numbers["wish_years_digits"]
    )


# Part 3


def test_a_heavy_source_must_split(written):
    split = written[1][3]["numbers"]["split"]
    assert split["first_mass"] > split["demand"] and split["first_targets"] >= 2
    assert split["arcs"] <= split["arcs_limit"] == 6


def test_vertices_are_permutations_when_masses_are_equal():
    found = kantorovich.integrality(3, 40, 6)
    assert found["permutations"] == found["instances"] == 40
    assert found["distance"] < 1e-9 and found["disagreement"] < 1e-9


def test_prices_prove_the_pairing(written):
    prices = written[1][3]["numbers"]["prices"]
    x, y = six_points.instance(0, 6)
    slack = cdist(x, y) - np.add.outer(prices["u"], prices["v"])
    assert slack.min() > -1e-12 and np.isclose(slack, 0, atol=1e-12).sum() >= 6
    np.testing.assert_allclose(prices["sum"], prices["total"], rtol=1e-12)
    np.testing.assert_allclose(prices["total"], 6 * transport.assignment(x, y).value, rtol=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_pivots_never_cost_more_and_end_at_the_optimum(seed):
    draw = np.random.default_rng(seed)
    n = int(draw.integers(1, 9))
    matrix = draw.uniform(size=(n, n))
    steps = list(simplex.pivots(matrix, np.ones(n, int), np.ones(n, int)))
    costs = [step.cost for step in steps]
    assert all(after <= before + 1e-12 for before, after in itertools.pairwise(costs))
    np.testing.assert_allclose(costs[-1], matrix[linear_sum_assignment(matrix)].sum(), rtol=1e-12)
    for step in steps:
        assert len(step.basis) == 2 * n - 1 and step.plan.max() == 1
        assert (step.plan.sum(0) == 1).all() and (step.plan.sum(1) == 1).all()
        u, v = step.prices
        np.testing.assert_allclose(
            [u[i] + v[j] - matrix[i, j] for i, j in step.basis], 0, atol=1e-12
        )
    assert all(step.profit > 0 for step in steps[1:])


def test_pivots_of_unequal_masses_with_ties_end_at_the_optimum():
    draw = np.random.default_rng(0)
    for _ in range(20):
        a, b = draw.integers(1, 5, 4), draw.integers(1, 5, 3)
        a[-1] += max(0, b.sum() - a.sum())
        b[-1] += max(0, a.sum() - b.sum())
        matrix = draw.integers(0, 4, (4, 3)).astype(float)
        last = list(simplex.pivots(matrix, a, b))[-1]
        np.testing.assert_array_equal(last.plan.sum(axis=1), a)
        np.testing.assert_array_equal(last.plan.sum(axis=0), b)
        expected = (kantorovich.vertex(matrix, a, b) * matrix).sum()
        np.testing.assert_allclose(last.cost, expected, atol=1e-9)


# Part 4


def test_transport_alone_trains_a_generator():
    draw = np.random.default_rng(0)
    codes, real = draw.normal(size=(2, 40, 2)).astype(np.float32)
    real = 0.3 * real + np.array([2.0, -1.0], np.float32)
    generator = networks.generator(config.Network(width=32, depth=1), 2, (2,))
    rounds = list(
        primal_generator.train(
            generator, codes, real, seed=0, rounds=6, steps=40, learning_rate=1e-2
        )
    )
    costs = [state.cost for state in rounds]
    assert len(costs) == 7
    for state in rounds:
        squares = ((state.images - real[state.permutation]) ** 2).sum(axis=1)
        np.testing.assert_allclose(squares.mean(), state.cost, rtol=1e-5)
    assert costs[-1] < 0.05 * costs[0]


@pytest.mark.parametrize("name", ["gaussians8", "digits"])
def test_the_distance_falls_along_the_rounds(written, name):
    numbers = written[1][4]["numbers"][name]
    curve = numbers["curve"]
    assert curve["round"] == [0, 1, 3]
    assert curve["train"][-1] < curve["train"][0]
    assert curve["debiased"][-1] < curve["debiased"][0]
    assert numbers["best_w1"] == min(curve["w1"])


# Part 5


def test_magnitudes_see_neither_shift_nor_half_turn(digits):
    images = pixels.framed(digits.examples("test", np.arange(30))[0].astype(np.float64))
    features = pixels.magnitudes(images)
    moved = pixels.shifted(images, pixels.MARGIN)
    assert np.abs(moved - images).max() > 1
    np.testing.assert_allclose(pixels.magnitudes(moved), features, atol=1e-12)
    np.testing.assert_allclose(pixels.magnitudes(images[:, ::-1, ::-1]), features, atol=1e-12)
    norms = np.linalg.norm((images + 1).reshape(30, -1), axis=1)
    np.testing.assert_allclose(np.linalg.norm(features.reshape(30, -1), axis=1), norms)


def test_a_shift_loses_nothing(digits):
    images = pixels.framed(digits.examples("test", np.arange(30))[0])
    assert images[:, : pixels.MARGIN].max() == images[:, :, -pixels.MARGIN :].max() == -1
    moved = pixels.shifted(images, 2)
    np.testing.assert_array_equal(moved[:, :, 2:], images[:, :, :-2])
    np.testing.assert_array_equal(moved.sum(axis=(1, 2)), images.sum(axis=(1, 2)))


def test_neighbours_of_known_points():
    references = np.array([[0.0], [1.0], [10.0], [11.0]])
    labels = np.array([0, 0, 1, 1])
    found = pixels.neighbours(references, references, labels)
    assert found == {"own": 1.0, "same_class": 1.0}
    found = pixels.neighbours(references, references, np.array([0, 1, 0, 1]))
    assert found == {"own": 1.0, "same_class": 0.0}
    found = pixels.neighbours(references + 9.5, references, labels)
    assert found == {"own": 0.25, "same_class": 0.5}


def test_shifting_hurts_pixels_only(written):
    numbers = written[1][5]["numbers"]["digits"]
    still, moved = numbers["neighbours"]["by0"], numbers["neighbours"]["by1"]
    assert still["pixels"]["own"] == 1 and moved["pixels"]["own"] < 0.2
    assert moved["fourier"] == still["fourier"] and moved["fourier"]["own"] == 1
    assert numbers["charged"]["by0"] == 0
    assert 0 < numbers["charged"]["by1"] < numbers["charged"]["by2"]


@pytest.mark.slow
def test_garments_where_they_are_at_hand(tmp_path):
    sizes = SIZES[5] | {"sets": {"digits": 1, "fashion_mnist": 2}}
    context = PartContext(folder=tmp_path, prefix="p", seed=0, sizes=sizes)
    numbers = pixels.compute(context)
    assert ("missing" in numbers) != ("fashion_mnist" in numbers)
    if "missing" in numbers:
        pytest.skip(f"dataset-fashion-mnist is not installed: {numbers['missing']}")
    assert numbers["fashion_mnist"]["side"] == 28


def test_missing_garments_are_skipped_in_words(tmp_path, monkeypatch):
    load = pixels.data.load

    def without(choice, data_dir=None):
        if choice.name == "fashion_mnist":
            raise UserError("no such files\nget them somewhere")
        return load(choice, data_dir)

    monkeypatch.setattr(pixels.data, "load", without)
    pixels._load.cache_clear()
    sizes = SIZES[5] | {"sets": {"digits": 1, "fashion_mnist": 2}}
    context = PartContext(folder=tmp_path, prefix="p", seed=0, sizes=sizes)
    numbers = pixels.compute(context)
    assert numbers["missing"] == "no such files" and "fashion_mnist" not in numbers
    assert pixels.inputs(context) == {"fashion_mnist": False}
    assert any("no such files" in text for text in quotations(pixels.PART, numbers))


# Part 6


def test_flow_between_classes_of_a_known_plan():
    plan = transport.plan([0.0, 1, 9], [0.0, 8, 9], cost="euclidean").plan
    flow = mixture_proportions.flow_between(plan, np.array([0, 0, 1]), np.array([0, 1, 1]))
    np.testing.assert_allclose(flow, [[1 / 3, 1 / 3], [0, 1 / 3]])


def test_a_fifth_of_the_mass_must_change_class(written):
    numbers = written[1][6]["numbers"]
    flow = np.array(numbers["flow"])
    np.testing.assert_allclose(flow.sum(axis=1), [0.7, 0.3], rtol=1e-12)
    np.testing.assert_allclose(flow.sum(axis=0), [0.5, 0.5], rtol=1e-12)
    np.testing.assert_allclose(flow[0, 1] + flow[1, 0], 0.2, rtol=1e-12)
    np.testing.assert_allclose(numbers["changed"], 0.2, rtol=1e-12)
    assert numbers["travel_changing"] > numbers["travel_same"]
    charges = numbers["charges"]
    for key in ("share30", "share70"):
        assert charges[key]["w1"] > charges["share50"]["w1"] == numbers["floor"]


def test_source_and_target_share_no_image():
    pools = [np.arange(60.0)[:, None], 100 + np.arange(60.0)[:, None]]
    generator = np.random.default_rng(0)
    x, source, y, target = mixture_proportions.draw_sets(pools, 40, 0.25, generator)
    assert not set(x.ravel()) & set(y.ravel())
    assert (x[source == 0] < 100).all() and (x[source == 1] >= 100).all()
    assert (source == 0).sum() == 10 and (target == 0).sum() == 20
    with pytest.raises(ValueError, match="need 65 images of a class, got 60"):
        mixture_proportions.draw_sets(pools, 50, 0.8, generator)


# Part 7


def test_the_adversary_is_read_from_its_log(written, tmp_path):
    workdir, results = written
    own = results[7]["numbers"]
    assert own["own"] and own["steps"] == 4 and own["evaluations"] == 2
    run_dir = workdir / "adversary" / "seed_0"
    before = {path: path.stat().st_mtime_ns for path in run_dir.rglob("*")}
    lines = (run_dir / "metrics.jsonl").read_text().splitlines()
    measured = [r for r in map(json.loads, lines) if "w1" in r]
    np.testing.assert_allclose(own["last_ratio"], measured[-1]["w1_estimate"] / measured[-1]["w1"])
    named = study.run(str(tmp_path), 0, [7], sizes=SIZES, run_dir=str(run_dir))[7]["numbers"]
    assert not named["own"] and named["last_w1"] == own["last_w1"]
    assert before == {path: path.stat().st_mtime_ns for path in run_dir.rglob("*")}
    assert list(tmp_path.glob("adversary")) == []


# The page


def test_the_page_holds_every_number_that_the_story_quotes(written):
    workdir, results = written
    page = (workdir / "article.html").read_text()
    saved = json.loads((workdir / "article.json").read_text())
    assert saved["seed"] == 0 and list(saved["parts"]) == [str(k) for k in PARTS]
    assert list(NUMBERS) == list(PARTS)
    for number, part in PARTS.items():
        numbers = saved["parts"][str(number)]["numbers"]
        assert numbers == json.loads(json.dumps(results[number]["numbers"]))
        texts = quotations(part, numbers)
        assert len(texts) >= 10 and part.title in page
        for text in texts:
            assert text in page
    text = re.sub(r"base64,[^\"]*", "", page.split("</style>")[1])
    assert not any(sign in text for sign in ("<script", "http", "{"))
    assert page.count("data:image/png;base64,") >= 15
    assert "Gabriel Peyré" in page


@pytest.mark.parametrize("number", PARTS)
def test_no_number_of_the_story_is_typed_by_hand(written, number):
    numbers = written[1][number]["numbers"]
    for template in templates(PARTS[number], numbers):
        typed = "".join(text for text, *_ in string.Formatter().parse(template))
        typed = re.sub(r"\b1[789]\d\d\b|\b20\d\d\b|\bW1\b", "", typed)
        assert not re.search(r"\d", typed), template


def test_finished_parts_are_kept_until_seed_or_sizes_change(written, tmp_path, monkeypatch):
    calls = []

    def count(part):
        def compute(context):
            calls.append(part.name)
            return part.compute(context)

        return compute

    originals = {number: PARTS[number] for number in (1, 3)}
    for number, part in originals.items():
        monkeypatch.setitem(PARTS, number, dataclasses.replace(part, compute=count(part)))
    arguments = dict(sizes=SIZES)
    assert list(study.run(str(tmp_path), 0, [1], **arguments)) == [1]
    assert list(study.run(str(tmp_path), 0, [1, 3], **arguments)) == [1, 3]
    assert calls == ["six_points", "kantorovich"]
    first = study.run(str(tmp_path), 0, [3], **arguments)
    assert list(first) == [1, 3] and len(calls) == 2
    (tmp_path / "parts" / "1_six_points_two.png").unlink()
    assert list(study.run(str(tmp_path), 0, [1], **arguments)) == [1, 3] and len(calls) == 3
    other = study.run(str(tmp_path), 1, [1], **arguments)
    assert list(other) == [1] and len(calls) == 4
    assert other[1]["numbers"]["best_cost"] != first[1]["numbers"]["best_cost"]
    changed = SIZES | {1: {"excess": 0.2}}
    study.run(str(tmp_path), 1, [1], sizes=changed)
    assert len(calls) == 5


def test_the_binary_writes_the_parts_asked_for(tmp_path):
    status, out, err = call("article", "--workdir", tmp_path, "--parts", 1, 3, "--seed", 2)
    assert status == 0, err
    assert out.splitlines()[-1].startswith("done parts=2 ")
    assert re.search(r"^1\. .*: [\d.]+ s$", err, re.MULTILINE)
    saved = json.loads((tmp_path / "article.json").read_text())
    assert saved["seed"] == 2 and list(saved["parts"]) == ["1", "3"]
    status, _, err = call("article", "--workdir", tmp_path, "--parts", 3, "--seed", 2)
    assert status == 0 and err.count("already here") == 2


@pytest.mark.parametrize(
    ("flags", "hint"),
    [
        (["--parts", "8"], "--parts"),
        (["--parts"], "--parts"),
        (["--seed", "-1"], "--seed: must be in"),
        (["--run", "/nonexistent", "--parts", "7"], "/nonexistent is no run directory"),
        (["stray"], "stray"),
    ],
)
def test_mistakes_end_with_status_two(tmp_path, flags, hint):
    status, _, err = call("article", "--workdir", tmp_path, *flags)
    assert status == 2 and hint in err and len(err.splitlines()) <= 3


@pytest.mark.slow
def test_an_interrupt_is_clean_and_the_same_command_continues(tmp_path):
    process = start("article", "--workdir", tmp_path, "--parts", 1, 2)
    first = process.stderr.readline()
    while not first.startswith("1. "):
        assert first, "ended before the first part"
        first = process.stderr.readline()
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    status, _, err = finish(process, timeout=20)
    assert status == 130 and "Traceback" not in err and "stopped" in err
    status, _, err = call("article", "--workdir", tmp_path, "--parts", 1)
    assert status == 0 and "already here" in err
