import os
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from gan import runs
from gan.errors import CheckpointError, NonFiniteError, StorageError, UserError
from gan.runs.checkpoints import Checkpoints, WritableCheckpoints
from tests.compiled import programs
from tests.runs.states import assert_is, state


@pytest.fixture
def saved(tmp_path):
    """Checkpoints of steps 10 and 20, keeping three."""
    checkpoints = WritableCheckpoints(tmp_path / "checkpoints", keep=3)
    checkpoints.save(10, state(10), score=1.0)
    checkpoints.save(20, state(20), score=2.0)
    return checkpoints


def test_restores_every_bit_structure_and_dtype(saved):
    step, restored = saved.restore(state(0))
    assert step == 20
    assert_is(20, restored)
    step, restored = saved.restore(state(0), step=10)
    assert step == 10
    assert_is(10, restored)


def test_restores_into_a_description_and_onto_the_templates_devices(saved):
    shapes = jax.eval_shape(lambda: {k: v for k, v in state(0).items() if k != "double"})
    _, restored = saved.restore({**shapes, "double": np.zeros(1)})
    assert_is(20, restored)
    mesh = jax.make_mesh((1,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    replicated = NamedSharding(mesh, PartitionSpec())
    template = {k: v for k, v in state(0).items() if k != "double"}
    template = {**jax.device_put(template, replicated), "double": np.zeros(1)}
    _, restored = saved.restore(template)
    assert_is(20, restored)
    assert restored["half"].sharding == replicated
    assert restored["key"].sharding == template["key"].sharding


def test_placement_keeps_a_compiled_step_compiled(saved):
    fresh = state(0)["generator"]
    step = jax.jit(lambda tree: jax.tree.map(lambda x: x + 1, tree))
    step(fresh)
    step(saved.restore(state(0))[1]["generator"])
    assert programs(step) == 1


def test_reads_without_a_template(saved):
    step, tree = saved.read()
    assert step == 20
    assert runs.tree_hash(tree) == runs.tree_hash(state(20))
    kernel = tree["generator"]["dense"]["kernel"]
    assert isinstance(kernel, np.ndarray)
    np.testing.assert_array_equal(kernel, state(20)["generator"]["dense"]["kernel"])
    assert tree["optimizer"]["0"]["count"] == 20
    np.testing.assert_array_equal(tree["key"], jax.random.key_data(jax.random.key(20)))
    assert tree["empty"].shape == (0, 4)


def test_keeps_the_newest_and_the_best(tmp_path):
    checkpoints = WritableCheckpoints(tmp_path / "checkpoints", keep=2)
    assert checkpoints.best() is None
    for step, score in [(1, 3.0), (2, 1.0), (3, None), (4, 1.0), (5, 2.0), (6, None)]:
        checkpoints.save(step, state(step), score)
    assert checkpoints.steps() == [2, 5, 6]
    assert checkpoints.best() == 2
    assert_is(2, checkpoints.restore(state(0), step=2)[1])
    assert sorted(os.listdir(checkpoints.path)) == ["2", "5", "6"]


def test_a_step_out_of_order_survives_its_own_save(tmp_path):
    checkpoints = WritableCheckpoints(tmp_path / "checkpoints", keep=1)
    checkpoints.save(30, state(30))
    checkpoints.save(20, state(20))
    assert checkpoints.steps() == [20, 30]


def test_saving_a_step_again_changes_nothing(saved):
    before = {path: path.stat().st_mtime_ns for path in saved.path.rglob("*")}
    saved.save(20, state(20), score=0.5)
    assert before == {path: path.stat().st_mtime_ns for path in saved.path.rglob("*")}
    with pytest.raises(CheckpointError, match="another state"):
        saved.save(20, state(21))


def test_saving_replaces_a_bad_step(saved, capfd):
    (saved.path / "20" / "_METADATA").unlink()
    saved.save(20, state(20))
    assert "is bad" in capfd.readouterr().err
    assert_is(20, saved.restore(state(0))[1])
    assert os.listdir(saved.path.with_name("checkpoints.bad")) == ["20"]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_refuses_what_is_not_finite_and_names_it(saved, value):
    broken = state(30)
    mean = broken["optimizer"][0].mean.at[2].set(value)
    broken["optimizer"] = (broken["optimizer"][0]._replace(mean=mean), ())
    with pytest.raises(NonFiniteError, match="step 30: 1 of 7 .*'optimizer/0/mean'"):
        saved.save(30, broken)
    broken = state(30) | {"half": jnp.array([1, value], jnp.bfloat16)}
    with pytest.raises(NonFiniteError, match="'half'"):
        saved.save(30, broken)
    with pytest.raises(NonFiniteError, match="step 30: the score"):
        saved.save(30, state(30), score=value)
    assert sorted(os.listdir(saved.path)) == ["10", "20"]
    assert saved.best() == 10


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"half": jnp.zeros(5)}, "'half' is bfloat16.5. in the checkpoint, float32.5."),
        ({"half": jnp.zeros(6, jnp.bfloat16)}, "'half' is bfloat16.5. .* bfloat16.6."),
        ({"double": np.zeros(1, np.float32)}, "'double' is float64.1. .* float32.1."),
        ({"key": jax.random.key(0, impl="rbg")}, "'key' is key<fry>"),
        ({"key": jnp.zeros(2, jnp.uint32)}, "'key' is key<fry>"),
        (
            {"generator": {"dense": {"kernel": jnp.zeros((9, 7))}}},
            "dense/bias' .*, missing in the state",
        ),
        ({"more": jnp.zeros(1)}, "'more' is missing in the checkpoint"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_by_leaf(saved, change, words):
    with pytest.raises(UserError, match=words):
        saved.restore(state(0) | change)
    assert saved.steps() == [10, 20]


def test_a_missing_step_lists_those_there_are(saved):
    for load in (saved.read, lambda step: saved.restore(state(0), step)):
        with pytest.raises(UserError, match="no checkpoint of step 15 .*there: 10, 20"):
            load(15)
    for step in (-1, 1.5, True, "10"):
        with pytest.raises(UserError, match="step must be"):
            saved.read(step)


def test_no_checkpoint_at_all(tmp_path):
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    assert checkpoints.steps() == []
    with pytest.raises(UserError, match="holds no checkpoint"):
        checkpoints.read()


@pytest.mark.parametrize(
    ("leaf", "words"),
    [
        ("text", "'x' must be an array, got str"),
        (1.0, "'x' must be an array, got float"),
        (np.array(["text"]), "'x': dtype"),
        (np.array([None]), "'x': dtype object"),
    ],
)
def test_only_arrays_are_saved(saved, leaf, words):
    with pytest.raises(UserError, match=words):
        saved.save(30, {"x": leaf})
    assert saved.steps() == [10, 20]


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "", ".", "a\nb"])
def test_names_that_could_mislead_are_refused(saved, name):
    with pytest.raises(UserError, match="unusable key"):
        saved.save(30, {name: jnp.zeros(1)})


def test_a_failed_write_leaves_earlier_checkpoints(saved, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gan.runs.sealed.synchronize", fail)
    with pytest.raises(StorageError, match="checkpoints/30: .*No space left"):
        saved.save(30, state(30))
    monkeypatch.undo()
    assert sorted(os.listdir(saved.path)) == ["10", "20"]
    assert_is(20, saved.restore(state(0))[1])


def test_all_zero_states_fit_their_files(tmp_path):
    checkpoints = WritableCheckpoints(tmp_path / "checkpoints", keep=1)
    zeros = {
        str(i): jnp.zeros(size) for i, size in enumerate((1, 10, 200, 256, 257, 1000, 300_000))
    }
    checkpoints.save(1, zeros)
    assert runs.tree_hash(checkpoints.read()[1]) == runs.tree_hash(zeros)
    checkpoints.save(2, {str(i): np.zeros(250, np.float32) for i in range(500)})
    assert len(checkpoints.read(2)[1]) == 500


def test_cleaning_removes_only_what_is_unfinished(saved):
    for name in (".saving-30", ".deleting-5"):
        shutil.copytree(saved.path / "20", saved.path / name)
    assert saved.steps() == [10, 20]
    saved.clean()
    assert sorted(os.listdir(saved.path)) == ["10", "20"]
