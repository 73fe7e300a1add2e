"""Image sets that tensorflow-datasets has prepared, read without TensorFlow."""

import importlib.util
import shutil
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds
from numpy.testing import assert_array_equal
from PIL import Image

from gan import config, data
from gan.data import prepared, stock
from gan.errors import UserError
from tests.data.makers import random_images


class StockSet(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A small set with PNG images, as stock sets have."""

    VERSION = tfds.core.Version("1.0.0")
    sizes = {"train": 40}
    shape = (9, 7, 3)
    label = True
    vary = False

    def _info(self):
        height, width, channels = self.shape
        side = (None, None) if self.vary else (height, width)
        features = {"image": tfds.features.Image(shape=(*side, channels), encoding_format="png")}
        if self.label:
            features["label"] = tfds.features.ClassLabel(names=["cat", "dog"])
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, manager):
        return {split: self._generate_examples(split) for split in self.sizes}

    def _generate_examples(self, split):
        for row, image in enumerate(images_of(split, self.sizes[split], self.shape)):
            image = image[: len(image) - row % 2] if self.vary else image
            squeezed = image[..., 0] if self.shape[2] == 1 else image
            example = {"image": Image.fromarray(squeezed)}
            yield row, {**example, "label": row % 2} if self.label else example


def images_of(split, count, shape):
    return random_images(len(split), count, shape)


@pytest.fixture
def make(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))

    def make(name="beans", version="1.0.0", **fields):
        fields |= {"name": name, "VERSION": tfds.core.Version(version)}
        cls = type(name, (StockSet,), fields, skip_registration=True)
        with prepared._quiet():
            cls(data_dir=tmp_path, file_format="array_record").download_and_prepare()
        return tmp_path / name / version

    return make


def load(name="beans", data_dir=None, **fields):
    return data.load(config.Data(name=name, **fields), data_dir)


def raw(dataset, split):
    return np.rint((dataset.examples(split)[0] + 1) * 127.5).astype(np.uint8)


def rows(*blocks):
    return sorted(image.tobytes() for images in blocks for image in images)


@pytest.mark.parametrize("shape", [(9, 7, 3), (8, 8, 1)])
def test_a_training_split_alone_is_cut_in_three(make, shape):
    make(shape=shape)
    dataset = load()
    assert dataset.shape == shape and dataset.class_names == ("cat", "dog")
    assert [dataset.size(split) for split in data.SPLITS] == [32, 4, 4]
    parts = [raw(dataset, split) for split in data.SPLITS]
    assert rows(*parts) == rows(images_of("train", 40, shape))
    assert "tensorflow" not in sys.modules


def test_labels_stay_with_their_images(make):
    make()
    dataset = load()
    source = images_of("train", 40, (9, 7, 3))
    label_of = {image.tobytes(): row % 2 for row, image in enumerate(source)}
    labels = dataset.examples("train")[1]
    assert len(labels) == 32
    assert labels.tolist() == [label_of[image.tobytes()] for image in raw(dataset, "train")]


@pytest.mark.parametrize(
    "found, sizes",
    [
        ({"train": 40, "test": 6}, [36, 4, 6]),
        ({"train": 40, "validation": 6}, [36, 4, 6]),
        ({"train": 40, "test": 6, "validation": 5}, [40, 5, 6]),
        ({"train": 40, "test": 6, "unsupervised": 9}, [36, 4, 6]),
    ],
)
def test_official_splits_are_kept(make, found, sizes):
    make(sizes=found)
    dataset = load()
    assert [dataset.size(split) for split in data.SPLITS] == sizes
    official = "test" if "test" in found else "validation"
    assert rows(raw(dataset, "test")) == rows(images_of(official, found[official], (9, 7, 3)))
    if "validation" not in found:
        both = raw(dataset, "train"), raw(dataset, "validation")
        assert rows(*both) == rows(images_of("train", 40, (9, 7, 3)))


def test_sets_that_cannot_be_split_say_so(make):
    make(sizes={"test": 6})
    with pytest.raises(UserError, match="no split named train; it has test"):
        load()
    make("few", sizes={"train": 3})
    with pytest.raises(UserError, match="few has too few images"):
        load("few")


def test_unlabelled_sets_have_one_class(make):
    make(label=False)
    dataset = load()
    assert dataset.class_names == ("all",) and not dataset.examples("train")[1].any()


def test_images_of_differing_sizes_need_a_size(make):
    make(vary=True)
    with pytest.raises(UserError, match="data.image_size"):
        load()
    dataset = load(image_size=5)
    assert dataset.shape == (5, 5, 3) and raw(dataset, "train").shape == (32, 5, 5, 3)
    streamed = load(image_size=5, stream="always")
    assert_array_equal(streamed.read([31, 2])[0], dataset.read([31, 2])[0])


def test_another_folder_and_the_newest_version(make, tmp_path, monkeypatch):
    make()
    make(version="1.2.0", sizes={"train": 50})
    make(version="1.10.0", sizes={"train": 60})
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "elsewhere"))
    assert load(data_dir=str(tmp_path)).size("train") == 48
    assert load("beans:1.2.0", data_dir=str(tmp_path)).size("train") == 40


def test_configurations_must_be_named_where_there_are_several(make, tmp_path):
    folder = make()
    for name in ("small", "large"):
        (tmp_path / "animals" / name).mkdir(parents=True)
        shutil.copytree(folder, tmp_path / "animals" / name / "1.0.0")
    with pytest.raises(UserError, match="name one of animals/large, animals/small"):
        load("animals")
    assert load("animals/small").size("train") == 32


def test_unknown_names_give_the_closest(make):
    with pytest.raises(UserError, match="did you mean 'cifar10'") as caught:
        load("cifar1")
    assert "digits" in str(caught.value) and len(str(caught.value)) < 400
    with pytest.raises(UserError, match="did you mean 'digits'"):
        load("digit")
    for name in ("", "../beans", "beans/..", "a b", "beans:*"):
        with pytest.raises(UserError, match="unknown data set"):
            load(name)


def test_an_unprepared_set_says_how_to_prepare_it(make, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="extra 'tf'") as caught:
        load("cifar10")
    assert f"python -m gan.data.stock cifar10 {tmp_path}" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 2


def test_being_offline_is_noticed_at_once(monkeypatch):
    class Builder:
        url_infos = {"https://data.invalid/cifar.tar.gz": None}

    monkeypatch.setattr(tfds, "builder_cls", lambda name: Builder)
    with pytest.raises(UserError, match="https://data.invalid/ does not answer"):
        stock._check_online("cifar10", "cifar10")


def test_a_failing_preparation_shows_its_last_line(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: True)
    monkeypatch.setattr(stock, "_check_online", lambda name, base: None)
    with pytest.raises(UserError, match="preparing no_such_set failed: ") as caught:
        stock._prepare("no_such_set", "no_such_set", tmp_path)
    assert f"python -m gan.data.stock no_such_set {tmp_path}" in str(caught.value)


def test_damaged_pictures_are_reported_without_the_name_of_a_buffer(make, monkeypatch):
    make()

    def fail(*arguments):
        raise OSError("cannot identify image file <_io.BytesIO object at 0x7f>")

    monkeypatch.setattr(tfds.features.Image, "decode_example_np", fail)
    with pytest.raises(UserError, match="OSError: cannot identify image file\\)"):
        load()


@pytest.mark.parametrize("data_dir", ["x" * 5000, "~nobody_of_this_name", "a\0b"])
def test_paths_that_can_be_no_folder_are_refused(make, data_dir, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="is not prepared below"):
        load("cifar10", data_dir=data_dir)


def test_an_empty_data_dir_is_a_mistake():
    with pytest.raises(UserError, match="data_dir is empty"):
        load("cifar10", data_dir="")


def test_other_formats_are_refused(make):
    info = make() / "dataset_info.json"
    info.write_text(info.read_text().replace('"array_record"', '"tfrecord"'))
    with pytest.raises(UserError, match="stored as tfrecord"):
        load()


def test_damaged_records_are_detected(make):
    directory = make()
    file = next(directory.glob("*.array_record*"))
    content = file.read_bytes()
    site = content.find(b"IDAT") + 8
    assert site > 8
    file.write_bytes(content[:site] + bytes([content[site] ^ 1]) + content[site + 1 :])
    with pytest.raises(UserError, match="damaged"):
        load()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match="damaged"):
        load()
    file.write_bytes(content)
    info = directory / "dataset_info.json"
    info.write_text(info.read_text().replace('"40"', '"41"'))
    with pytest.raises(UserError, match="holds 40 records, not 41"):
        load()
