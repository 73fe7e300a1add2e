import dataclasses
import multiprocessing
import stat

import numpy as np
import pytest

from gan import cache, config, data
from gan.errors import UserError
from gan.scores import classifier

QUICK = classifier.Recipe(epochs=1, least_steps=12, batch_size=16)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "gan" / "classifiers"


def kept(home):
    """The classifiers in the cache."""
    return sorted(path for path in home.iterdir() if path.suffix == ".npz")


def test_the_digits_are_told_apart(digits):
    found = classifier.load_or_train(digits)
    assert found.accuracy > 0.97 and found.split == "train" and found.test_size == 398
    examples, labels = digits.examples("test")
    probabilities = found.probabilities(examples)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    assert np.mean(probabilities.argmax(axis=1) == labels) == pytest.approx(found.accuracy)
    np.testing.assert_array_equal(found.labels(examples), probabilities.argmax(axis=1))
    for word in ("digits", found.sha256[:12], "train", "398", f"{100 * found.accuracy:.1f} %"):
        assert word in found.description


def test_features_do_not_depend_on_the_other_examples(digits):
    found = classifier.load_or_train(digits, recipe=QUICK)
    examples, _ = digits.examples("train", np.arange(classifier.BLOCK + 3))
    features = found.features(examples)
    assert features.shape == (classifier.BLOCK + 3, 64) and features.dtype == np.float32
    np.testing.assert_allclose(features[-2:], found.features(examples[-2:]), rtol=1e-5, atol=1e-6)
    assert np.linalg.matrix_rank(features) > 10
    whole = found.features(digits.examples("train")[0])
    assert np.mean(whole.astype(np.float64) ** 2) == pytest.approx(1, rel=1e-5)


def test_it_is_trained_once_and_comes_back_with_the_same_bits(digits, home):
    lines = []
    first = classifier.load_or_train(digits, recipe=QUICK, say=lines.append)
    assert any("training" in line for line in lines)
    (path,) = kept(home)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    again = classifier.load_or_train(digits, recipe=QUICK, say=pytest.fail)
    assert again.sha256 == first.sha256 and again.accuracy == first.accuracy
    examples, _ = digits.examples("test")
    np.testing.assert_array_equal(again.features(examples), first.features(examples))
    assert classifier.read(str(path)).sha256 == first.sha256


def test_training_is_deterministic_and_the_seed_matters(digits):
    same = [classifier.train(digits, QUICK, print) for _ in range(2)]
    assert same[0].sha256 == same[1].sha256
    other = classifier.train(digits, dataclasses.replace(QUICK, seed=1), print)
    assert other.sha256 != same[0].sha256


def test_another_recipe_or_data_set_has_a_file_of_its_own(digits, home):
    classifier.load_or_train(digits, recipe=QUICK)
    classifier.load_or_train(digits, recipe=dataclasses.replace(QUICK, seed=1))
    resized = data.load(config.Data(name="digits", image_size=4))
    assert classifier.load_or_train(resized, recipe=QUICK).shape == (4, 4, 1)
    assert len(kept(home)) == 3


def test_a_damaged_file_is_refused_and_trained_anew(digits, home):
    whole = classifier.load_or_train(digits, recipe=QUICK)
    (path,) = kept(home)
    content = path.read_bytes()
    with np.load(path) as file:
        leaves = dict(file)
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    for damaged in (b"", content[: len(content) // 2], bytes(flipped), b"not an archive"):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match="not an undamaged classifier"):
            classifier.read(str(path))
    bias = "params/network/Dense_0/bias"
    for changed in ({bias: leaves[bias] + 1}, {"record": np.array("{}")}):
        np.savez(path, **leaves | changed)
        with pytest.raises(UserError, match="not an undamaged classifier"):
            classifier.read(str(path))
    lines = []
    assert classifier.load_or_train(digits, recipe=QUICK, say=lines.append).sha256 == whole.sha256
    assert lines and classifier.read(str(path)).sha256 == whole.sha256


def test_a_cache_that_cannot_be_written_is_done_without(digits, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    lines = []
    classifier.load_or_train(digits, recipe=QUICK, say=lines.append)
    assert "not kept" in lines[0]


def test_a_set_of_one_class_and_wrong_shapes_are_refused(digits):
    with pytest.raises(UserError, match="one class"):
        classifier.load_or_train(data.load(config.Data(name="swiss_roll")))
    with pytest.raises(ValueError, match="need examples"):
        classifier.load_or_train(digits, recipe=QUICK).features(np.zeros((3, 4, 4, 1)))


def test_points_of_a_mixture_are_told_apart():
    dataset = data.load(config.Data(name="gaussians8"))
    found = classifier.load_or_train(dataset, recipe=classifier.Recipe(epochs=0, least_steps=300))
    assert found.accuracy > 0.95 and found.test_size == 100_000


def test_stacked_images_are_read_channel_by_channel(digits):
    stacks = data.load(config.Data(name="stacked_digits"))
    found, base = classifier.load_or_train(stacks), classifier.load_or_train(digits)
    assert found.sha256 == base.sha256 and found.num_classes == 1000
    examples, labels = stacks.examples("test", np.arange(3000))
    right = np.mean(found.labels(examples) == labels)
    assert right == pytest.approx(found.accuracy, abs=0.02)
    few = examples[:7]
    assert found.features(few).shape == (7, 192)
    probabilities = found.probabilities(few)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), found.labels(few))


def _child(queue):
    lines = []
    dataset = data.load(config.Data(name="digits"))
    found = classifier.load_or_train(dataset, recipe=QUICK, say=lines.append)
    queue.put((found.sha256, len(lines)))


@pytest.mark.slow
def test_of_several_processes_one_trains(home):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    processes = [context.Process(target=_child, args=(queue,)) for _ in range(3)]
    for process in processes:
        process.start()
    found = [queue.get(timeout=300) for _ in processes]
    for process in processes:
        process.join()
    assert len({sha256 for sha256, _ in found}) == 1
    assert sum(lines > 0 for _, lines in found) == 1
    assert len(kept(home)) == 1 and not list(home.glob("*.new"))


def test_the_cache_is_this_users_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = cache.folder("things")
    assert path == tmp_path / "gan" / "things" and stat.S_IMODE(path.stat().st_mode) == 0o700
