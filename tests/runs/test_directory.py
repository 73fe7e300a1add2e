import dataclasses
import hashlib
import json
import os
import random
import subprocess
import sys
import time

import jax.numpy as jnp
import numpy as np
import pytest

from gan import runs
from gan.config import Config, Data, load, to_dict
from gan.errors import LockedError, NonFiniteError, StorageError, UserError
from gan.runs import metrics
from tests.runs.states import assert_is, state

CONFIG = Config(steps=100)


def test_creates_a_run_and_continues_it(tmp_path):
    with runs.open(tmp_path / "a" / "b", CONFIG) as run:
        assert run.path == tmp_path / "a" / "b"
        assert run.config == CONFIG
        run.checkpoints.save(10, state(10), score=1.0)
        run.log({"step": 10, "critic_loss": jnp.float32(0.5), "w1": np.float64(2)})
    assert load(str(run.path / "config.json")) == CONFIG
    with runs.open(tmp_path / "a" / "b", CONFIG) as run:
        assert_is(10, run.checkpoints.restore(state(0))[1])
        assert run.metrics() == [{"step": 10, "critic_loss": 0.5, "w1": 2.0}]
    starts = json.loads((run.path / "environment.json").read_text())
    assert len(starts) == 2
    for start in starts:
        assert start["packages"]["jax"] and start["packages"]["orbax-checkpoint"]
        assert start["devices"] and start["python"] and start["host"] and start["command"]
        assert start["commit"] is None or len(start["commit"]["hash"]) == 40


def test_resuming_drops_the_records_of_steps_that_will_be_made_again(tmp_path):
    with runs.open(tmp_path, CONFIG) as run:
        for step in (5, 10, 15):
            run.log({"step": step, "w1": 2.0})
            if step == 10:
                run.checkpoints.save(step, state(step))
    with runs.open(tmp_path, CONFIG) as run:
        assert run.resume(state(0))[0] == 10
        assert [record["step"] for record in run.metrics()] == [5, 10]


def test_a_relative_directory_may_be_left(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with runs.open("run", CONFIG) as run:
        os.chdir("/")
        run.checkpoints.save(1, state(1))
        run.log({"step": 1})
    assert runs.read(tmp_path / "run").checkpoints.steps() == [1]


def test_another_config_is_refused_with_the_difference(tmp_path):
    with runs.open(tmp_path, CONFIG) as run:
        run.checkpoints.save(1, state(1))
    before = (tmp_path / "config.json").read_text()
    other = dataclasses.replace(CONFIG, seed=7)
    with pytest.raises(UserError, match="\nseed: 0 -> 7$") as caught:
        with runs.open(tmp_path, other):
            pass
    assert len(str(caught.value).splitlines()) == 2
    other = dataclasses.replace(other, beta1=0.5, data=Data(name="mnist"), loss="hinge")
    with pytest.raises(UserError, match="seed: 0 -> 7\n.*loss.*") as caught:
        with runs.open(tmp_path, other):
            pass
    assert len(str(caught.value).splitlines()) == 3
    for name in ("loss", "beta1", "data.name"):
        assert name in str(caught.value)
    assert (tmp_path / "config.json").read_text() == before
    with runs.open(tmp_path, CONFIG):
        pass


def test_a_run_that_saved_nothing_takes_another_config(tmp_path):
    with runs.open(tmp_path, CONFIG):
        pass
    other = dataclasses.replace(CONFIG, seed=7)
    with runs.open(tmp_path, other):
        pass
    assert runs.read(tmp_path).config == other


def test_cadence_and_more_steps_may_change(tmp_path):
    with runs.open(tmp_path, CONFIG) as run:
        run.checkpoints.save(1, state(1))
    cadence = {
        "log_every": 7,
        "evaluate_every": 7,
        "sample_every": 7,
        "checkpoint_every": 7,
        "keep_checkpoints": 7,
    }
    changed = dataclasses.replace(CONFIG, steps=200, **cadence)
    with runs.open(tmp_path, changed) as run:
        assert run.checkpoints.keep == 7
    assert json.loads((tmp_path / "config.json").read_text()) == to_dict(changed)
    with pytest.raises(UserError, match="steps: 200 -> 100"):
        with runs.open(tmp_path, CONFIG):
            pass


def test_more_steps_are_refused_under_a_linear_schedule(tmp_path):
    linear = dataclasses.replace(CONFIG, schedule="linear")
    with runs.open(tmp_path, linear) as run:
        run.checkpoints.save(1, state(1))
    with pytest.raises(UserError, match="steps: 100 -> 200"):
        with runs.open(tmp_path, dataclasses.replace(linear, steps=200)):
            pass


def test_the_lock_is_held_inside_and_free_afterwards(tmp_path):
    with runs.open(tmp_path, CONFIG):
        with pytest.raises(LockedError, match=f"process {os.getpid()} on .* since 20") as caught:
            with runs.open(tmp_path, CONFIG):
                pass
        assert caught.value.status == 5
        assert runs.read(tmp_path).config == CONFIG
    with pytest.raises(ZeroDivisionError):
        with runs.open(tmp_path, CONFIG):
            raise ZeroDivisionError
    with runs.open(tmp_path, CONFIG):
        pass


def test_a_refused_config_frees_the_lock(tmp_path):
    with runs.open(tmp_path, CONFIG) as run:
        run.checkpoints.save(1, state(1))
    with pytest.raises(UserError):
        with runs.open(tmp_path, Config(seed=1)):
            pass
    with runs.open(tmp_path, CONFIG):
        pass


def test_checkpoints_without_a_config_are_not_overtaken(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(UserError, match=r"checkpoints but no config\.json"):
        with runs.open(tmp_path, CONFIG):
            pass


@pytest.mark.parametrize("name", ["checkpoints", "metrics.jsonl", "lock", "samples", "figures"])
def test_nothing_is_written_through_a_link(tmp_path, name):
    (tmp_path / "run").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "run" / name).symlink_to(tmp_path / "outside")
    with pytest.raises(StorageError, match="symbolic link"):
        with runs.open(tmp_path / "run", CONFIG):
            pass
    assert os.listdir(tmp_path / "outside") == []


def test_bad_directories(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file is not a folder"):
        with runs.open(tmp_path / "file", CONFIG):
            pass
    with pytest.raises(StorageError, match="/proc/run"):
        with runs.open("/proc/run", CONFIG):
            pass
    for path in (tmp_path, tmp_path / "missing", tmp_path / "file"):
        with pytest.raises(UserError, match="no run directory"):
            runs.read(path)


def test_reading_writes_nothing(tmp_path):
    with runs.open(tmp_path, CONFIG) as run:
        for step in (1, 2):
            run.checkpoints.save(step, state(step), score=step)
            run.log({"step": step, "w1": 1.5})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 3, "w')
    (tmp_path / "checkpoints" / "2" / "_METADATA").unlink()

    def listing():
        everything = [tmp_path, *sorted(tmp_path.rglob("*"))]
        return [(path, path.stat().st_mtime_ns, path.stat().st_size) for path in everything]

    before = listing()
    run = runs.read(tmp_path)
    assert run.checkpoints.steps() == [1, 2]
    assert run.checkpoints.best() == 1
    assert_is(1, run.checkpoints.restore(state(0))[1])
    assert run.checkpoints.read()[0] == 1
    assert [record["step"] for record in run.metrics()] == [1, 2]
    assert listing() == before
    assert not hasattr(run, "log") and not hasattr(run.checkpoints, "save")


def test_trim_drops_later_records_and_a_torn_line(tmp_path):
    with runs.open(tmp_path, CONFIG) as run:
        for step in (10, 20, 20, 30):
            run.log({"step": step, "w1": step / 3})
        run.trim(20)
        assert [record["step"] for record in run.metrics()] == [10, 20, 20]
        assert run.metrics()[0]["w1"] == 10 / 3
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 30, "w1')
    with runs.open(tmp_path, CONFIG) as run:
        run.log({"step": 30, "w1": 1})
        assert [record["step"] for record in run.metrics()] == [10, 20, 20, 30]
        run.trim(0)
        assert run.metrics() == []
    assert (tmp_path / "metrics.jsonl").read_text() == ""


@pytest.fixture
def log(tmp_path):
    """A log of ten records."""
    path = tmp_path / "metrics.jsonl"
    for step in range(10):
        metrics.append(path, {"step": step, "w1": step / 3})
    return path


def test_a_damaged_line_is_named_and_left_out(log, capfd):
    good = log.read_bytes()
    lines = good.splitlines(keepends=True)
    others = [step for step in range(10) if step != 4]
    for line in (b"\n", b'{"step": 4\n', b"[" * 10**5 + b"\n", b"4\n", b"\xff\n", b'{"step": 4}\n'):
        log.write_bytes(b"".join([*lines[:4], line, *lines[5:]]))
        assert [record["step"] for record in metrics.read(log)] == others
        assert "metrics.jsonl: left out line 5, which is damaged: " in capfd.readouterr().err
    log.write_bytes(good.replace(b"1.3333", b"1.3334"))
    assert [record["step"] for record in metrics.read(log)] == others
    assert "checksum" in capfd.readouterr().err
    log.write_bytes(good)
    assert len(metrics.read(log)) == 10 and capfd.readouterr().err == ""


def test_no_flipped_bit_of_the_log_passes_for_a_number(log):
    good = log.read_bytes()
    expected = metrics.read(log)
    dice = random.Random(0)
    for place in dice.sample(range(8 * len(good)), 300):
        bad = bytearray(good)
        bad[place // 8] ^= 1 << (place % 8)
        log.write_bytes(bad)
        found = metrics.read(log)
        assert all(record in expected for record in found) and 8 <= len(found) < 10, place


def test_the_writer_keeps_a_copy_of_a_damaged_log(log, capfd):
    damaged = log.read_bytes().replace(b"1.3333", b"1.3334") + b'{"step": 10, "w'
    for number in range(2):
        log.write_bytes(damaged)
        metrics.trim(log, 7)
        assert [record["step"] for record in metrics.read(log)] == [0, 1, 2, 3, 5, 6, 7]
        name = "metrics.jsonl.bad" + (f".{number}" if number else "")
        assert log.with_name(name).read_bytes() == damaged
        said = capfd.readouterr().err
        assert "took out line 5, which is damaged" in said and name in said
    metrics.trim(log, 7)
    assert sorted(os.listdir(log.parent)) == [
        "metrics.jsonl",
        "metrics.jsonl.bad",
        "metrics.jsonl.bad.1",
    ]


def test_logs_evaluations_and_data_without_checksums_still_open(tmp_path, capfd):
    with runs.open(tmp_path, CONFIG) as run:
        (tmp_path / "metrics.jsonl").write_text('{"step": 1, "w1": 0.5}\n')
        run.log({"step": 2, "w1": 0.25})
        assert run.metrics() == [{"step": 1, "w1": 0.5}, {"step": 2, "w1": 0.25}]
    for name, read in (("evaluation.json", run.evaluation), ("data.json", run.data)):
        (tmp_path / name).write_text('{"name": "x", "shape": [2], "w1": 0.5}')
        assert read()["w1"] == 0.5
    assert run.data()["class_names"] == [] and capfd.readouterr().err == ""
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "w1": NaN}\n{"step": 2, "w1": true}\n')
    assert run.metrics() == [] and "2 damaged lines" in capfd.readouterr().err


def test_an_altered_evaluation_is_refused(tmp_path):
    with runs.open(tmp_path, CONFIG) as run:
        run.record_evaluation({"w1": 0.5, "classes": {"b": [1, 2], "a": None}})
    assert run.evaluation() == {"w1": 0.5, "classes": {"b": [1, 2], "a": None}}
    path = tmp_path / "evaluation.json"
    path.write_text(path.read_text().replace("0.5", "0.4"))
    with pytest.raises(UserError, match=r"evaluation\.json is damaged: .*checksum"):
        run.evaluation()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"name": "x"}', "shape of an example, got None"),
        ('{"shape": [0]}', "shape of an example"),
        ('{"shape": 8}', "shape of an example"),
        ('{"shape": [8], "class_names": "ab"}', "list of texts"),
        ('{"shape": [8], "class_names": [1]}', "list of texts"),
        ('{"shape": [8], "class_names": []}', "name of the data set"),
        ("[]", "no JSON object"),
        ('{"shape": [8], "crc32": "00000000"}', "altered"),
    ],
)
def test_a_description_of_the_data_that_makes_no_sense_is_refused(tmp_path, content, words):
    with runs.open(tmp_path, CONFIG) as run:
        (tmp_path / "data.json").write_text(content)
    with pytest.raises(UserError, match=words):
        run.data()


def test_a_missing_description_of_the_data_is_kept_again_and_said(tmp_path, capfd):
    with runs.open(tmp_path, CONFIG) as run:
        run.record_data({"name": "digits", "shape": [2]})
        run.checkpoints.save(1, state(1))
    (tmp_path / "data.json").unlink()
    with runs.open(tmp_path, CONFIG) as run:
        run.record_data({"name": "digits", "shape": [2]})
        assert "data.json is missing" in capfd.readouterr().err
        with pytest.raises(UserError, match="the data set changed"):
            run.record_data({"name": "digits", "shape": [3]})


@pytest.mark.parametrize("content", ["[{", "{}", "[]", "[1]"])
def test_damaged_records_of_starts_do_not_end_a_run(tmp_path, capfd, content):
    with runs.open(tmp_path, CONFIG) as run:
        (tmp_path / "environment.json").write_text(content)
        with pytest.raises(UserError, match="environment.json is"):
            run.environment()
    with runs.open(tmp_path, CONFIG) as run:
        assert len(run.environment()) == 1
    assert (tmp_path / "environment.json.bad").read_text() == content
    assert "environment.json.bad" in capfd.readouterr().err


def test_pipes_are_refused_and_do_not_hang(tmp_path):
    with runs.open(tmp_path, CONFIG) as run:
        run.checkpoints.save(1, state(1))
    for name in ("metrics.jsonl", "data.json", "evaluation.json"):
        os.mkfifo(tmp_path / name)
    for read in (run.metrics, run.data, run.evaluation):
        with pytest.raises(UserError, match="no regular file"):
            read()
    with pytest.raises(StorageError, match="metrics.jsonl"):
        run.log({"step": 1})
    with pytest.raises(UserError, match="metrics.jsonl: it is no regular file"):
        with runs.open(tmp_path, CONFIG):
            pass
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "config.json").unlink()
    os.mkfifo(tmp_path / "config.json")
    for use in (lambda: runs.read(tmp_path), lambda: runs.open(tmp_path, CONFIG).__enter__()):
        with pytest.raises(UserError, match="config.json"):
            use()


def test_paths_that_cannot_be_are_mistakes_in_a_line(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    for path, words in (
        ("", "must not be empty"),
        (tmp_path / ("x" * 256), "name too long"),
        (tmp_path / "/".join(["x" * 250] * 20), "name too long"),
        (tmp_path / "loop", "loop|symbolic links"),
    ):
        for use in (lambda p=path: runs.read(p), lambda p=path: runs.open(p, CONFIG).__enter__()):
            with pytest.raises(UserError, match=f"(?i){words}") as caught:
                use()
            assert len(str(caught.value)) < 300 and "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, jnp.float32(np.nan)])
def test_a_log_holds_no_nan(tmp_path, value):
    path = tmp_path / "metrics.jsonl"
    metrics.append(path, {"step": 1, "w1": 2.0})
    with pytest.raises(NonFiniteError, match="step 50: critic_loss is"):
        metrics.append(path, {"step": 50, "critic_loss": value})
    assert metrics.read(path) == [{"step": 1, "w1": 2.0}]


@pytest.mark.parametrize(
    "record", [{"w1": 1.0}, {"step": 1.5}, {"step": 1, "w1": "x"}, {"step": 1, "w1": np.ones(2)}]
)
def test_a_record_is_a_step_and_numbers(tmp_path, record):
    with pytest.raises(UserError, match="log record"):
        metrics.append(tmp_path / "metrics.jsonl", record)
    assert not (tmp_path / "metrics.jsonl").exists()


def test_importing_is_quick_and_imports_neither_jax_nor_orbax():
    code = "import sys; from gan import runs; print({'jax', 'orbax', 'flax'} & set(sys.modules))"
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    assert time.monotonic() - started < 5


def test_hash_depends_on_every_name_dtype_shape_and_bit():
    tree = {"a": np.arange(6, dtype=np.float32), "b": (np.zeros(2), np.int8(0))}
    same = {"b": [np.zeros(2), np.int8(0)], "a": jnp.arange(6.0)}
    assert runs.tree_hash(tree) == runs.tree_hash(same)
    assert len(runs.tree_hash(tree)) == 64
    others = [
        tree | {"a": np.arange(6, dtype=np.float64)},
        tree | {"a": np.arange(6, dtype=np.float32).reshape(2, 3)},
        tree | {"a": np.arange(6, dtype=np.float32)[::-1]},
        tree | {"b": (-np.zeros(2), np.int8(0))},
        {"c": tree["a"], "b": tree["b"]},
        {"a": tree["a"], "b": {"0": tree["b"][0], "2": tree["b"][1]}},
    ]
    assert len({runs.tree_hash(other) for other in [tree, *others]}) == 1 + len(others)


def test_hash_does_not_depend_on_the_kind_of_container():
    leaves = [np.full(2, i) for i in range(12)]
    assert runs.tree_hash(leaves) == runs.tree_hash({str(i): x for i, x in enumerate(leaves)})


def test_hash_is_of_the_values_not_of_their_layout():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    expected = runs.tree_hash({"a": array})
    assert runs.tree_hash({"a": np.asfortranarray(array)}) == expected
    assert runs.tree_hash({"a": array.astype(">f4")}) == expected
    digest = hashlib.sha256(b'["a", "float32", [2, 3]]\n' + array.tobytes()).hexdigest()
    assert expected == digest
