"""The main job in miniature: train, look, stop, resume, evaluate, sample."""

import json
import os
import random
import re
import signal
import socket
import time

import numpy as np
import pytest
from PIL import Image

from gan import cache, config, data, files, runs
from gan.registries import METRICS
from gan.scores import classifier
from gan.scores.evaluation import HEADER
from tests.experiments.commands import TINY, call, done, finish, kill, saved, start

RUN = ["--preset", "digits", *TINY, "--steps", 12, "--log_every", 4, "--sample_every", 6]
RUN += ["--schedule", "constant"]
RUN += ["--evaluate_every", 6, "--checkpoint_every", 6]
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run: (directory, state hash, stdout)."""
    workdir = tmp_path_factory.mktemp("main") / "run"
    status, out, err = call("train", "--workdir", workdir, *RUN)
    assert status == 0, err
    assert re.search(r"2 evaluations, \d+\.\d s in all, took \d+\.\d % of the time", err)
    step, digest = done(out)
    assert step == 12
    return workdir, digest, out


def test_a_run_leaves_what_the_readme_promises(finished):
    workdir, digest, _ = finished
    for name in ("config.json", "data.json", "environment.json", "report.html"):
        assert (workdir / name).stat().st_size > 0
    assert sorted(p.name for p in (workdir / "samples").iterdir()) == [
        "step_00000006.png",
        "step_00000012.png",
    ]
    records = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    assert [r["step"] for r in records] == [4, 6, 8, 12]
    for record in records:
        assert {"critic_loss", "generator_loss", "w1_estimate_batch", "penalty"} <= set(record)
    for record in (records[1], records[3]):
        assert {"w1", "w1_floor", "w1_debiased", "w1_estimate", "gradient_cosine"} <= set(record)
        assert record["critic_share"] <= 1 and record["c_transform_bound"] <= record["w1"]
        assert record["duality_gap"] >= 0 and record["lipschitz"] > 0
    assert runs.read(workdir).checkpoints.steps() == [6, 12]


def test_the_scores_are_finite_printed_and_explained(finished):
    workdir, _, out = finished
    scores = json.loads((workdir / "evaluation.json").read_text())
    assert {"step", "n", "w1", "w1_floor", "w1_debiased", "w1_estimate"} <= set(scores)
    assert scores["step"] == 12 and scores["n"] == 20
    report = (workdir / "report.html").read_text()
    for name, value in scores.items():
        if name in ("proportions", "skipped_scores", "collapsed", "crc32"):
            continue
        assert f"<code>{name}</code>" in report
        meaning = HEADER[name] if name in HEADER else METRICS.get(name).meaning
        assert meaning.split("'")[0] in report
        if isinstance(value, float):
            assert np.isfinite(value)
    assert len(out.splitlines()) <= 24 and f"report {workdir}/report.html" in out
    assert "The critic is" in out and out.count("classifier of digits") == 1
    for name in ("w1", "w1_debiased", "w1_train", "precision", "recall"):
        assert re.search(rf"^{name} ", out, flags=re.MULTILINE)
    assert "Is the critic trained enough?" in report
    text = re.sub(r"base64,[^\"]*", "", report)
    assert "<script" not in text and "http" not in text
    assert report.count("data:image/png;base64,") >= 5


def test_sample_scores_stand_with_interval_n_and_features(finished):
    workdir, _, out = finished
    scores = json.loads((workdir / "evaluation.json").read_text())
    report = (workdir / "report.html").read_text()
    names = {name for name in METRICS if isinstance(scores.get(name), dict)}
    expected = {name for name, metric in METRICS.items() if metric.of_features}
    expected |= {"feature_w1", "feature_w1_debiased", "mode_count", "mode_kl"}
    assert names - {"copied_share"} == expected - {"frechet_distance"}
    assert scores["copied_share"]["n"] == 20
    for name in names - {"copied_share"}:
        entry = scores[name]
        low, high = entry["interval"]
        assert low <= entry["value"] <= high and np.isfinite([low, high, entry["real"]]).all()
        size = 20 if name.startswith("feature_w1") else 40
        assert entry["n"] == size and "classifier of digits" in entry["features"]
        assert "of test" in entry["features"] and entry["features"] in out
    assert entry["features"] in report and scores["skipped_scores"] == {}
    found = scores["proportions"]
    assert found["least_change"] <= found["plan_change"] <= 1
    assert np.sum(found["flow"]) == pytest.approx(1) and found["n"] == 40
    assert "<h2>Proportions</h2>" in report
    assert (workdir / "figures" / "flow.png").stat().st_size > 1000


def cumulative(examples):
    """A feature function, for --features."""
    return examples.reshape(len(examples), -1).cumsum(axis=1)


def broken(examples):
    """A feature function that fails."""
    return examples / "two"


def test_other_features_can_be_given(finished, tmp_path, monkeypatch):
    workdir, _, _ = finished
    before = (workdir / "evaluation.json").read_text()
    here = "tests.experiments.test_main_job"
    flags = ["--samples", 30, "--features"]
    status, out, err = call("evaluate", "--workdir", workdir, *flags, f"{here}:cumulative")
    assert status == 0, err
    scores = json.loads((workdir / "evaluation.json").read_text())
    assert scores["frechet_distance"]["features"] == f"given function {here}:cumulative"
    assert scores["precision"]["n"] == 30 and "frechet_classifier_distance" not in scores
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    quick = classifier.Recipe(epochs=1, least_steps=12, batch_size=16)
    classifier.load_or_train(data.load(config.Data(name="digits")), recipe=quick)
    (kept,) = cache.folder("classifiers").glob("digits-*.npz")
    monkeypatch.undo()
    status, out, err = call("evaluate", "--workdir", workdir, *flags, kept)
    assert status == 0 and "classifier of digits" in out, err
    for wrong, hint in (
        (f"{here}:broken", "TypeError"),
        (f"{here}:TINY", "not a function"),
        (f"{here}:nothing", "nothing"),
        ("no_such_module:f", "no_such_module"),
        ("lonely", "MODULE:FUNCTION"),
        (tmp_path / "none.npz", "none.npz"),
    ):
        status, out, err = call("evaluate", "--workdir", workdir, "--features", wrong)
        assert status == 2 and hint in err and len(err.splitlines()) <= 3 and out == ""
    status, _, err = call("evaluate", "--workdir", workdir, "--samples", 3)
    assert status == 2 and "4 .. 50,000" in err
    (workdir / "evaluation.json").write_text(before)


def test_evaluating_again_gives_the_same_numbers(finished):
    workdir, _, _ = finished
    before = json.loads((workdir / "evaluation.json").read_text())
    for step in ("last", "12", "best"):
        status, out, err = call("evaluate", "--workdir", workdir, "--step", step)
        assert status == 0, err
        after = json.loads((workdir / "evaluation.json").read_text())
        assert after.keys() == before.keys()
        if after["step"] == 12:
            assert after == before
    status, _, err = call("evaluate", "--workdir", workdir, "--step", 7)
    assert status in (2, 3) and "6, 12" in err


def test_running_a_finished_run_again_trains_nothing(finished):
    workdir, digest, _ = finished
    records = (workdir / "metrics.jsonl").read_text()
    status, out, _ = call("train", "--workdir", workdir)
    assert status == 0 and done(out) == (12, digest)
    assert (workdir / "metrics.jsonl").read_text() == records


def test_another_config_is_refused_with_the_difference(finished):
    workdir, _, _ = finished
    status, _, err = call("train", "--workdir", workdir, *RUN, "--penalty_weight", 3)
    assert status == 2 and "penalty_weight: 10.0 -> 3.0" in err and len(err.splitlines()) <= 3


def test_a_mistake_does_not_bind_a_run_that_has_saved_nothing(tmp_path):
    assert call("train", "--workdir", tmp_path, *RUN, "--penalty", "both")[0] == 2
    assert call("train", "--workdir", tmp_path, *RUN, "--data.image_size", 4)[0] == 0


def test_more_steps_continue_to_the_bits_of_a_longer_run(finished, tmp_path):
    _, digest, _ = finished
    workdir = tmp_path / "run"
    call("train", "--workdir", workdir, *RUN, "--steps", 5)
    status, out, _ = call("train", "--workdir", workdir, *RUN)
    assert status == 0 and done(out) == (12, digest)


def test_a_saved_config_runs_again_to_the_same_bits(finished, tmp_path):
    workdir, digest, _ = finished
    arguments = ["--config_path", workdir / "config.json", "--workdir", tmp_path / "run"]
    status, out, err = call("train", *arguments)
    assert status == 0 and done(out) == (12, digest), err


def test_changed_data_are_refused(finished, tmp_path):
    workdir, _, _ = finished
    path = workdir / "data.json"
    saved = path.read_text()
    changed = files.read_sealed(path) | {"fingerprint": "0" * 16}
    try:
        files.write_json(path, files.seal(changed))
        for name in ("train", "evaluate"):
            status, _, err = call(name, "--workdir", workdir)
            assert status == 2 and "fingerprint" in err
        path.write_text(saved.replace("digits", "digitz"))
        for name, flags in (("train", []), ("evaluate", []), ("sample", ["--output", "x.png"])):
            status, _, err = call(name, "--workdir", workdir, *flags)
            assert status == 2 and "data.json is damaged" in err
    finally:
        path.write_text(saved)


def test_a_run_without_names_of_classes_is_sampled_and_evaluated(finished, tmp_path):
    workdir, _, _ = finished
    path = workdir / "data.json"
    saved = path.read_text()
    described = files.read_sealed(path)
    del described["class_names"]
    try:
        files.write_json(path, described)
        status, _, err = call("sample", "--workdir", workdir, "--output", tmp_path / "x.png")
        assert status == 0, err
        status, _, err = call("evaluate", "--workdir", workdir)
        assert status == 0, err
    finally:
        path.write_text(saved)


def test_samples_are_arrays_grids_and_strips(finished, tmp_path):
    workdir, _, _ = finished
    status, _, err = call(
        "sample", "--workdir", workdir, "--count", 64, "--output", tmp_path / "x.npz"
    )
    assert status == 0, err
    images = np.load(tmp_path / "x.npz")["images"]
    assert images.shape == (64, 8, 8, 1) and images.dtype == np.float32
    assert np.abs(images).max() <= 1 and len(np.unique(images[:, 3, 3, 0])) > 32
    call("sample", "--workdir", workdir, "--output", tmp_path / "x.png")
    picture = np.asarray(Image.open(tmp_path / "x.png"))
    assert picture.shape == (8 * (48 + 4) + 4,) * 2
    strip = ["--interpolate", 5, "--count", 10, "--seed", 3]
    call("sample", "--workdir", workdir, *strip, "--output", tmp_path / "strip.npz")
    paths = np.load(tmp_path / "strip.npz")["images"].reshape(2, 5, -1)
    steps = np.linalg.norm(np.diff(paths, axis=1), axis=2)
    ends = np.linalg.norm(paths[:, -1] - paths[:, 0], axis=1)
    assert np.all(steps.max(axis=1) < ends)


def test_points_in_the_plane_are_trained_evaluated_and_drawn(tmp_path):
    flags = [*RUN, "--preset", "gaussians25", "--generator.width", 16]
    status, out, err = call("train", "--workdir", tmp_path / "run", *flags)
    assert status == 0, err
    scores = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert scores["modes_total"] == 25 and 0 <= scores["modes"] <= 25
    assert scores["mode_count"]["total"] == 25 and scores["recall"]["features"] == "coordinates"
    assert "classifier" in scores["skipped_scores"]["inception_type_score"]
    assert np.shape(scores["proportions"]["flow"]) == (25, 25)
    call("sample", "--workdir", tmp_path / "run", "--count", 50, "--output", tmp_path / "p.npz")
    assert np.load(tmp_path / "p.npz")["points"].shape == (50, 2)
    status, _, err = call("sample", "--workdir", tmp_path / "run", "--output", tmp_path / "p.png")
    assert status == 0 and (tmp_path / "p.png").stat().st_size > 1000, err
    report = (tmp_path / "run" / "report.html").read_text()
    assert "modes are covered" in report and "Is it copying?" in report
    assert not (tmp_path / "run" / "figures" / "neighbours.png").exists()


def test_numbers_that_explode_stop_the_run_and_spare_the_checkpoints(tmp_path):
    workdir = tmp_path / "run"
    flags = ["--critic_learning_rate", 1e30, "--generator_learning_rate", 1e30]
    status, out, err = call("train", "--workdir", workdir, *RUN, *flags, "--checkpoint_every", 1)
    assert status == 4 and "step" in err and "critic_loss" in err and "Traceback" not in err
    for step in runs.read(workdir).checkpoints.steps():
        _, state = runs.read(workdir).read_step(step)
        for leaf in (*state["critic"].values(),):
            assert all(np.isfinite(a).all() for a in leaf.values())


LONG = ["--preset", "digits", "--steps", 300, "--checkpoint_every", 20, "--evaluate_every", 150]
LONG += ["--evaluation_size", 50, "--evaluation_repeats", 2, "--log_every", 5]


@pytest.mark.slow
@pytest.mark.parametrize(("devices", "steps"), [(1, (20, 60, 120)), (2, (120,))])
def test_a_run_that_is_killed_ends_with_the_bits_of_an_undisturbed_one(tmp_path, devices, steps):
    whole = start("train", "--workdir", tmp_path / "whole", *LONG, devices=devices)
    status, out, err = finish(whole)
    assert status == 0, err
    expected = done(out)
    moments = random.Random(devices)
    workdir = tmp_path / "killed"
    kill(start("train", "--workdir", workdir, *LONG, devices=devices), lambda: True, 2.5)
    numbers = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP)
    for step, number in zip(steps, numbers, strict=False):
        process = start("train", "--workdir", workdir, *LONG, devices=devices)
        wait = moments.uniform(0, 0.3)
        kill(process, lambda step=step: saved(workdir) >= step, wait, number)
    assert steps[-1] <= saved(workdir) < 300
    status, out, err = finish(start("train", "--workdir", workdir, *LONG, devices=devices))
    assert status == 0, err
    assert done(out) == expected
    assert [r["step"] for r in runs.read(workdir).metrics()] == list(range(5, 301, 5))


def started(workdir, process):
    """Wait until the run in `workdir` has logged a step."""
    for _ in range(1200):
        if (workdir / "metrics.jsonl").exists() and runs.read(workdir).metrics():
            return
        assert process.poll() is None, finish(process)
        time.sleep(0.05)
    raise AssertionError("nothing was logged in a minute")


ENDLESS = [*RUN, "--steps", 10**6, "--checkpoint_every", 10**6, "--evaluate_every", 10**6]
ENDLESS += ["--sample_every", 10**6, "--log_every", 500]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_the_current_step_and_exits_within_five_seconds(tmp_path, number):
    workdir = tmp_path / "run"
    process = start("train", "--workdir", workdir, *ENDLESS)
    started(workdir, process)
    begin = time.monotonic()
    process.send_signal(number)
    status, _, err = finish(process)
    assert time.monotonic() - begin < 5
    assert status == 128 + number
    (step,) = runs.read(workdir).checkpoints.steps()
    assert step >= 500 and f"stopped at step {step}" in err


@pytest.mark.slow
def test_a_signal_during_compilation_exits_within_five_seconds(tmp_path):
    flags = ["--preset", "digits", "--generator.depth", 60, "--critic.depth", 60]
    process = start("train", "--workdir", tmp_path / "run", *flags)
    while "examples" not in process.stderr.readline():
        assert process.poll() is None
    time.sleep(1)
    begin = time.monotonic()
    process.send_signal(signal.SIGTERM)
    status, _, _ = finish(process)
    assert status == 128 + signal.SIGTERM and time.monotonic() - begin < 5


def test_evaluating_and_a_second_trainer_while_training_goes_on(tmp_path):
    workdir = tmp_path / "run"
    flags = [*ENDLESS, "--checkpoint_every", 200, "--keep_checkpoints", 2]
    process = start("train", "--workdir", workdir, *flags)
    started(workdir, process)
    status, _, err = call("evaluate", "--workdir", workdir)
    assert status == 0, err
    first = json.loads((workdir / "evaluation.json").read_text())
    begin = time.monotonic()
    status, _, err = call("train", "--workdir", workdir, *flags)
    assert status == 5 and str(process.pid) in err and time.monotonic() - begin < 2
    process.send_signal(signal.SIGTERM)
    status, _, _ = finish(process)
    assert status == 128 + signal.SIGTERM
    assert first["step"] % 200 == 0 and np.isfinite(first["w1"])
    status, _, _ = call("evaluate", "--workdir", workdir)
    last = json.loads((workdir / "evaluation.json").read_text())
    assert status == 0 and last["step"] > first["step"]
    assert last["w1_floor"] == first["w1_floor"] and last["w1"] != first["w1"]


def start_pair(*flags):
    """Two processes that train one model, on a free port of this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    flags = [*flags, "--coordinator", f"127.0.0.1:{port}", "--processes", 2]
    return [start("train", *flags, "--process_index", i) for i in range(2)]


@pytest.mark.slow
def test_a_signal_to_one_of_two_processes_saves_and_stops_both(tmp_path):
    workdir = tmp_path / "run"
    processes = start_pair("--workdir", workdir, *ENDLESS, "--log_every", 20)
    started(workdir, processes[0])
    processes[1].send_signal(signal.SIGTERM)
    found = [finish(process, timeout=60) for process in processes]
    assert [status for status, _, _ in found] == [143, 143], found
    (step,) = runs.read(workdir).checkpoints.steps()
    assert f"stopped at step {step}" in found[0][2]


IN_PARTS = ["--split_state", "--generator.width", "64", "--critic.width", "64"]
"""Layers that are wide enough to be kept in parts."""


@pytest.mark.slow
@pytest.mark.parametrize("flags", [[], IN_PARTS], ids=["whole", "split"])
def test_two_processes_train_as_one_device_and_resume_with_the_same_bits(tmp_path, flags):
    """Loss after 50 steps within 1e-3 of one device's (float32, sums in another order)."""

    def two(name, steps):
        processes = start_pair(*RUN, *flags, "--workdir", tmp_path / name, "--steps", steps)
        found = [finish(process) for process in processes]
        assert [status for status, _, _ in found] == [0, 0], found
        (step_and_hash,) = {done(out) for _, out, _ in found}
        assert step_and_hash[0] == steps
        return step_and_hash

    whole = two("whole", 50)
    two("cut", 20)
    assert two("cut", 50) == whole
    apart = [flag for flag in flags if flag != "--split_state"]
    one = start("train", *RUN, *apart, "--workdir", tmp_path / "one", "--steps", 50, devices=1)
    status, _, err = finish(one)
    assert status == 0, err
    assert_alike(tmp_path / "whole", tmp_path / "one")


def assert_alike(one, other):
    """Two runs of 50 steps are one but for rounding, whose sums have another order."""
    last = [runs.read(path).metrics()[-1] for path in (one, other)]
    assert [record["step"] for record in last] == [50, 50]
    for name in ("critic_loss", "generator_loss", "w1_estimate_batch", "w1"):
        assert last[0][name] == pytest.approx(last[1][name], rel=1e-3, abs=1e-4), name
    pair = (runs.read(path).read_step()[1] for path in (one, other))
    for a, b in zip(*map(sorted_leaves, pair), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-2, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("devices", [4, 8])
def test_several_devices_train_as_one_and_resume_with_the_same_bits(tmp_path, devices):
    """The same bounds as of two processes."""

    def train(name, steps, devices):
        flags = [*RUN, "--workdir", tmp_path / name, "--steps", steps, "--batch_size", 8]
        status, out, err = finish(start("train", *flags, devices=devices))
        assert status == 0 and f"; {devices} x cpu" in err, err
        return done(out)

    whole = train("whole", 50, devices)
    train("cut", 20, devices)
    assert train("cut", 50, devices) == whole
    train("one", 50, 1)
    assert_alike(tmp_path / "whole", tmp_path / "one")


@pytest.mark.slow
@pytest.mark.skipif(CORES < 2, reason="needs two cores")
def test_a_cpu_is_divided_into_the_devices_that_are_asked_for(tmp_path):
    command = ("train", *RUN, "--workdir", tmp_path / "run", "--devices")
    status, _, err = finish(start(*command, 2, devices=None))
    assert status == 0 and "; 2 x cpu" in err, err
    status, _, err = finish(start(*command, CORES + 1, devices=None))
    assert status == 2 and f"must be 1 .. {CORES}" in err


def sorted_leaves(tree):
    """Arrays of a nested dictionary, by key."""
    if not isinstance(tree, dict):
        return [tree]
    return [leaf for key in sorted(tree) for leaf in sorted_leaves(tree[key])]


def test_seeds_are_tabulated_with_their_spread(tmp_path):
    from experiments import seeds

    status, out, err = call("seeds", "--workdir", tmp_path, "--seeds", 2, *RUN)
    assert status == 0, err
    rows = json.loads((tmp_path / "seeds.json").read_text())
    assert [row["seed"] for row in rows] == [0, 1] and rows[0]["w1"] != rows[1]["w1"]
    text = (tmp_path / "seeds.md").read_text()
    assert text.strip() in out
    cells = [line.split(" | ") for line in seeds.table(rows).splitlines()]
    mean, spread = cells[-1][1].split(" ± ")
    assert float(mean) == pytest.approx((rows[0]["w1"] + rows[1]["w1"]) / 2, rel=1e-3)
    assert float(spread) == pytest.approx(abs(rows[0]["w1"] - rows[1]["w1"]) / 2**0.5, rel=0.05)
    assert runs.read(tmp_path / "seed_1").config.seed == 1


def test_tensorboard_events_mirror_the_log(tmp_path):
    from tensorboardX.proto import event_pb2
    from tensorboardX.record_writer import masked_crc32c

    status, _, err = call("train", "--workdir", tmp_path, *RUN, "--tensorboard")
    assert status == 0, err
    (path,) = (tmp_path / "tensorboard").iterdir()
    content, found = path.read_bytes(), {}
    while content:
        header, length = content[:8], int.from_bytes(content[:8], "little")
        assert int.from_bytes(content[8:12], "little") == masked_crc32c(header)
        event = event_pb2.Event.FromString(content[12 : 12 + length])
        for value in event.summary.value:
            found[event.step, value.tag] = value.simple_value
        content = content[16 + length :]
    records = runs.read(tmp_path).metrics()
    assert len(records) == 4
    for record in records:
        step = record.pop("step")
        for name, value in record.items():
            assert found[step, name] == pytest.approx(value, rel=1e-6)
