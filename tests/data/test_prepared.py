"""Prepared data: every corruption is noticed, and concurrent preparation is safe."""

import os
import random
import shutil
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from gan import config, data
from gan.data import prepared
from gan.data.dataset import Dataset
from gan.errors import StorageError, UserError
from tests.data.makers import random_images

SPLITS = {split: split for split in data.SPLITS}
NAMES = ("a", "b")


def make(seed=0, count=12, shape=(4, 3, 1)):
    def splits():
        return {
            split: (random_images(seed + row, count, shape), np.arange(count, dtype=np.int32) % 2)
            for row, split in enumerate(data.SPLITS)
        }

    return splits


def opened(directory, **options):
    source = prepared.raw_images(
        "made", directory, SPLITS, image_size=0, **{"class_names": NAMES, **options}
    )
    return Dataset(source, dequantize=False, stream="never")


@pytest.fixture
def made(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    return prepared.prepare("made", make(), (4, 3, 1), NAMES)


@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_written_is_read(tmp_path, monkeypatch, channels):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    content = make(shape=(4, 3, channels))
    directory = prepared.prepare("made", content, (4, 3, channels), NAMES)
    source = prepared.raw_images("made", directory, SPLITS, image_size=0, class_names=NAMES)
    assert source.shape == (4, 3, channels) and source.sizes == dict.fromkeys(SPLITS, 12)
    for split, (images, labels) in content().items():
        for rows in (None, np.array([3, 0, 3, 11])):
            read_images, read_labels = source.read(split, rows)
            expected = slice(None) if rows is None else rows
            assert_array_equal(read_images, images[expected])
            assert_array_equal(read_labels, labels[expected])


def test_prepared_data_are_not_made_again(made):
    def fail():
        raise AssertionError("made again")

    assert prepared.prepare("made", fail, (4, 3, 1), NAMES) == made


def test_every_bit_flip_is_detected_or_harmless(made):
    good = opened(made).fingerprint
    files = sorted(made.iterdir())
    assert len(files) == 7
    chance = random.Random(0)
    outcomes = {file.name: [] for file in files}
    for file in files:
        content = file.read_bytes()
        # ArrayRecord pads to 64 KiB with bytes that nobody reads; most of what is read comes first.
        sites = [chance.randrange(min(8 * len(content), 8 * 600)) for _ in range(12)]
        for site in sites:
            damaged = bytearray(content)
            damaged[site // 8] ^= 1 << site % 8
            file.write_bytes(damaged)
            try:
                outcomes[file.name].append("same" if opened(made).fingerprint == good else "wrong")
            except UserError as error:
                assert str(made) in str(error)
                outcomes[file.name].append("detected")
        file.write_bytes(content)
    found = [outcome for each in outcomes.values() for outcome in each]
    assert len(found) == 84 and "wrong" not in found
    assert found.count("detected") > 42
    for name in ("metadata.json", "label.labels.txt", "features.json"):
        assert "detected" in outcomes[name]
    assert opened(made).fingerprint == good


@pytest.mark.parametrize("damage", ["truncate", "empty", "delete"])
def test_damaged_files_are_detected(made, damage):
    files = sorted(made.iterdir())
    assert len(files) == 7
    for file in files:
        content = file.read_bytes()
        if damage == "delete":
            file.unlink()
        else:
            file.write_bytes(content[: len(content) // 2] if damage == "truncate" else b"")
        with pytest.raises(UserError, match=r"(?s)damaged.*delete .*gan_made/1\.0\.0"):
            opened(made)
        file.write_bytes(content)


def test_a_pipe_among_the_files_is_named(made):
    file = next(made.glob("*train*"))
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(UserError, match=f"{file.name} is a named pipe"):
        opened(made)


def test_wrong_counts_are_detected(made):
    info = made / "dataset_info.json"
    text = info.read_text()
    for count in ("11", "13", "0"):
        info.write_text(text.replace('"12"', f'"{count}"'))
        with pytest.raises(UserError, match=f"holds 12 records, not {count}"):
            opened(made)


def test_data_of_another_set_are_detected(made):
    other = prepared.prepare("other", make(seed=5), (4, 3, 1), NAMES)
    for split in data.SPLITS:
        shard = f"{split}.array_record-00000-of-00001"
        shutil.copy(other / f"gan_other-{shard}", made / f"gan_made-{shard}")
    with pytest.raises(UserError, match="the digest of train does not match"):
        opened(made)


def test_damage_is_detected_while_streaming(made):
    source = prepared.raw_images("made", made, SPLITS, image_size=0, class_names=NAMES)
    file = next(made.glob("*train*"))
    content = bytearray(file.read_bytes())
    image = make()()["train"][0][4].tobytes()
    site = bytes(content).find(image)
    assert site > 0
    content[site] ^= 1
    file.write_bytes(content)
    with pytest.raises(UserError, match="damaged"):
        source.read("train", np.arange(12))


@pytest.mark.slow
def test_concurrent_preparation_is_safe(tmp_path):
    program = """
from gan import config, data
print(data.load(config.Data(name="digits")).fingerprint)
"""
    environment = {**os.environ, "TFDS_DATA_DIR": str(tmp_path / "new")}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    printed = [worker.communicate() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0], printed
    expected = data.load(config.Data(name="digits")).fingerprint + "\n"
    assert printed == [(expected, "")] * 3


def test_losing_the_race_uses_the_winner(made, tmp_path):
    def make_while_another_wins():
        shutil.copytree(made, tmp_path / "gan_late" / "1.0.0")
        return make()()

    directory = prepared.prepare("late", make_while_another_wins, (4, 3, 1), NAMES)
    assert sorted(path.name for path in directory.parent.iterdir()) == ["1.0.0"]


def test_errors_of_the_maker_pass_through(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))

    def fail():
        raise UserError("no such data")

    with pytest.raises(UserError, match="^no such data$"):
        prepared.prepare("made", fail, (4, 3, 1), NAMES)
    assert not list((tmp_path / "gan_made").glob("*"))
    assert prepared.prepare("made", make(), (4, 3, 1), NAMES).exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    for folder in (blocked, tmp_path / ("x" * 300)):
        monkeypatch.setenv("TFDS_DATA_DIR", str(folder))
        with pytest.raises(StorageError, match=f"(?s){folder}.*set TFDS_DATA_DIR"):
            prepared.prepare("made", make(), (4, 3, 1), NAMES)
