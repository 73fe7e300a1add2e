"""Whatever happens to the files of a checkpoint: the saved bits, an older step, or an error."""

import json
import os
import random
import shutil

import numpy as np
import pytest
import tensorstore

from gan import runs
from gan.errors import CheckpointError, GanError
from gan.runs import sealed
from gan.runs.checkpoints import Checkpoints, WritableCheckpoints
from tests.runs.states import assert_is, state


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    path = tmp_path_factory.mktemp("damage") / "checkpoints"
    checkpoints = WritableCheckpoints(path, keep=3)
    checkpoints.save(10, state(10), score=1.0)
    checkpoints.save(20, state(20), score=2.0)
    return path


@pytest.fixture
def copy(original, tmp_path):
    shutil.copytree(original, tmp_path / "checkpoints")
    return WritableCheckpoints(tmp_path / "checkpoints", keep=3)


def files(path):
    return sorted(p for p in path.rglob("*") if p.is_file())


def test_no_flipped_bit_goes_unnoticed(original):
    reader = Checkpoints(original)
    newest = files(original / "20")
    assert len(newest) > 5
    bits = [(file, bit) for file in newest for bit in range(8 * file.stat().st_size)]
    dice = random.Random(0)
    places = dice.sample(bits, 200 - 3 * len(newest))
    for file in newest * 3:
        places.append((file, dice.randrange(8 * file.stat().st_size)))
    assert len(places) == 200
    template, older = state(0), runs.tree_hash(state(10))
    for file, bit in places:
        good = file.read_bytes()
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << (bit % 8)
        file.write_bytes(bad)
        step, restored = reader.restore(template)
        file.write_bytes(good)
        assert step == 10, (file, bit)
        assert runs.tree_hash(restored) == older
    assert_is(20, reader.restore(state(0))[1])


def test_every_file_truncated_emptied_or_deleted(original):
    reader = Checkpoints(original)
    for file in files(original / "20"):
        good = file.read_bytes()
        for size in (len(good) // 2, len(good) - 1, 0, None):
            if size is None:
                file.unlink()
            else:
                file.write_bytes(good[:size])
            step, restored = reader.restore(state(0))
            file.write_bytes(good)
            assert step == 10, (file, size)
            assert_is(10, restored)


def test_a_file_that_does_not_belong_is_noticed(copy):
    (copy.path / "20" / "d" / "more").write_bytes(b"")
    assert copy.restore(state(0))[0] == 10


def test_the_writer_moves_the_bad_aside_and_says_so(copy, capfd):
    for file in files(copy.path / "20"):
        file.write_bytes(b"")
    step, restored = copy.restore(state(0))
    assert step == 10
    assert_is(10, restored)
    assert copy.steps() == [10]
    assert os.listdir(copy.path.with_name("checkpoints.bad")) == ["20"]
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "checkpoints/20 is bad" in lines[0]
    copy.save(20, state(20))
    assert_is(20, copy.restore(state(0))[1])


def test_a_reader_moves_nothing(copy, capfd):
    (copy.path / "20" / "manifest.ocdbt").unlink()
    before = sorted(copy.path.parent.rglob("*"))
    assert Checkpoints(copy.path).read()[0] == 10
    assert sorted(copy.path.parent.rglob("*")) == before
    assert "is bad" in capfd.readouterr().err


def test_all_bad_is_an_error_every_time(copy):
    for step in ("10", "20"):
        (copy.path / step / "record.json").write_bytes(b"{}")
    for _ in range(2):
        with pytest.raises(CheckpointError, match="every checkpoint") as caught:
            copy.restore(state(0))
        assert caught.value.status == 3
    assert copy.steps() == [10, 20]


def test_the_asked_step_bad_is_an_error(copy):
    (copy.path / "10" / "_METADATA").unlink()
    with pytest.raises(CheckpointError, match="checkpoints/10 is bad"):
        copy.restore(state(0), step=10)


def test_a_renamed_step_is_not_believed(copy):
    os.rename(copy.path / "20", copy.path / "90")
    assert copy.restore(state(0))[0] == 10


def test_an_altered_score_is_not_believed(copy):
    file = copy.path / "20" / "record.json"
    file.write_text(file.read_text().replace('"score": 2.0', '"score": 0.0'))
    assert '"score": 0.0' in file.read_text()
    assert copy.best() == 10


def forge(path, step, **changes):
    """Rewrites a step's record so that its hashes and its seal fit what lies there."""
    folder = path / str(step)
    record = json.loads((folder / "record.json").read_text())
    record.pop("seal")
    (folder / "record.json").unlink()
    record["files"] = {n: sealed._file_hash(folder / n) for n in sealed._plain_files(folder)}
    record.update(changes)
    (folder / "record.json").write_text(json.dumps({**record, "seal": sealed._seal(record)}))
    return record


def test_a_forged_record_is_only_refused_for_what_it_says(copy):
    forge(copy.path, 20)
    assert_is(20, copy.restore(state(0), step=20)[1])


def test_other_arrays_under_a_record_that_fits_the_files_are_noticed(tmp_path):
    checkpoints = WritableCheckpoints(tmp_path / "checkpoints", keep=2)
    checkpoints.save(1, {"x": np.ones(4, np.float32)})
    write_array(checkpoints.path / "1", [4], np.full(4, 2, np.float32))
    forge(checkpoints.path, 1)
    with pytest.raises(CheckpointError, match="hash that was saved"):
        checkpoints.read()


def write_array(folder, shape, values=None):
    """Replaces the array x in a checkpoint's store behind everybody's back."""
    store = {"driver": "ocdbt", "base": f"file://{folder}/", "path": "x/"}
    spec = {"driver": "zarr", "kvstore": store, "create": True, "delete_existing": True}
    layout = {"shape": shape, "chunks": shape, "dtype": "<f4", "compressor": None}
    array = tensorstore.open(spec | {"metadata": layout}).result()
    if values is not None:
        array.write(values).result()


@pytest.mark.parametrize("name", ["../../escaped", "/etc/escaped", "a/../../b"])
def test_a_name_that_leads_outside_is_refused(copy, name):
    record = forge(copy.path, 20)
    leaves = {**record["leaves"], name: record["leaves"]["half"]}
    forge(copy.path, 20, leaves=leaves)
    with pytest.raises(CheckpointError, match="not acceptable"):
        copy.read(20)
    assert sorted(os.listdir(copy.path.parent)) == ["checkpoints"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # from Orbax
def test_a_key_that_leads_outside_in_the_tree_is_refused(copy):
    file = copy.path / "20" / "_METADATA"
    text = file.read_text()
    assert '"half"' in text
    file.write_text(text.replace("half", "../../../half").replace('ocdbt": true', 'ocdbt": false'))
    forge(copy.path, 20)
    with pytest.raises(CheckpointError):
        copy.read(20)
    assert sorted(os.listdir(copy.path.parent)) == ["checkpoints"]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (["float32", [10**6, 10**6]], "declares 4000000.* bytes"),
        (["float32", [2**61, 2**61]], "too large|too big"),
        (["float32", [-1]], "not acceptable"),
        (["float32", [1.5]], "not acceptable"),
        (["object", [1]], "not acceptable"),
        (["S1000000000", [1]], "not acceptable"),
    ],
)
def test_a_huge_or_strange_declaration_is_refused_before_it_is_allocated(copy, entry, words):
    record = forge(copy.path, 20)
    forge(copy.path, 20, leaves={**record["leaves"], "half": entry})
    with pytest.raises(CheckpointError, match=words):
        copy.read(20)


def test_a_huge_shape_in_the_array_store_is_refused(tmp_path):
    checkpoints = WritableCheckpoints(tmp_path / "checkpoints", keep=2)
    checkpoints.save(1, {"x": np.ones(4, np.float32)})
    write_array(checkpoints.path / "1", [2**40])
    forge(checkpoints.path, 1)
    with pytest.raises(CheckpointError, match="not those of its record"):
        checkpoints.read()


def test_links_and_pipes_are_refused(copy, tmp_path):
    outside = tmp_path / "outside"
    os.rename(copy.path / "20", outside)
    (copy.path / "20").symlink_to(outside)
    with pytest.raises(CheckpointError, match="neither a file nor a folder"):
        copy.read(20)
    assert copy.restore(state(0))[0] == 10
    assert (copy.path.with_name("checkpoints.bad") / "20").is_symlink()
    assert len(files(outside)) > 5
    data = files(copy.path / "10" / "d")[0]
    target = tmp_path / "data"
    os.rename(data, target)
    data.symlink_to(target)
    with pytest.raises(CheckpointError, match="neither a file nor a folder"):
        copy.read(10)
    data.unlink()
    os.mkfifo(data)
    with pytest.raises(CheckpointError, match="neither a file nor a folder"):
        copy.read(10)


def test_a_linked_folder_of_checkpoints_is_refused(copy, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    os.rename(copy.path, elsewhere)
    copy.path.symlink_to(elsewhere)
    for use in (copy.steps, copy.read, copy.best, lambda: copy.save(30, state(30))):
        with pytest.raises(GanError, match="symbolic link"):
            use()
    assert sorted(os.listdir(elsewhere)) == ["10", "20"]


def test_nothing_is_pickled(original):
    for file in files(original):
        assert not file.read_bytes().startswith(b"\x80\x04"), file
    assert runs.tree_hash(Checkpoints(original).read()[1]) == runs.tree_hash(state(20))
