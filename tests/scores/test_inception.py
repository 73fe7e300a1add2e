"""Inception-v3 against torch-fidelity's, on weights that both read from one file."""

import numpy as np
import pytest

from gan.errors import UserError
from gan.networks import inception as network
from gan.registries import METRICS
from gan.scores import evaluation, features, inception, requirements
from gan.scores.metrics import published
from gan.scores.requirements import INCEPTION_SHA256, Situation
from tests.compiled import programs
from tests.scores import inception_weights as weights

SIZES = [
    (28, 28),
    *(pytest.param(size, marks=pytest.mark.slow) for size in ((32, 32), (299, 299), (320, 240))),
]
PUBLISHED = {name for name, metric in METRICS.items() if vars(published).get(name) is metric}


def images(count, height, width, seed=0):
    """Pictures with structure at several scales, uint8 [count, height, width, 3]."""
    draw = np.random.default_rng(seed)
    coarse = draw.integers(0, 256, (count, 4, 4, 3))
    rows, columns = (np.arange(side) * 4 // side for side in (height, width))
    noise = draw.normal(0, 40, (count, height, width, 3))
    return np.clip(coarse[:, rows][:, :, columns] + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def net():
    """With random weights, two images at a time."""
    return inception.Inception("0" * 64, weights.leaves(), batch=2)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A file of torch.save."""
    return weights.save(tmp_path_factory.mktemp("weights") / "random.pth", weights.tensors())


@pytest.fixture(scope="module")
def theirs(saved):
    """torch-fidelity's network with the weights of that file, as a function."""
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more wait for each other where other tests run beside
    module = weights.fidelity().feature_extractor_inceptionv3
    names = [*map(str, network.WIDTHS), "logits_unbiased"]
    loaded = module.FeatureExtractorInceptionV3(
        "ours", names, feature_extractor_weights_path=str(saved)
    )

    def outputs(levels):
        found = loaded(torch.from_numpy(levels.transpose(0, 3, 1, 2).copy()))
        return dict(zip(names, (each.numpy() for each in found), strict=True))

    yield outputs
    torch.set_num_threads(threads)


def deviation(found, expected):
    """Largest difference, relative to the largest number of the layer's same image."""
    return np.max(np.abs(found - expected) / np.abs(expected).max(axis=1, keepdims=True))


@pytest.fixture(scope="module")
def ours(saved):
    """Our network with the weights of the same file."""
    found = inception.read(str(saved))
    return inception.Inception(found.sha256, found.leaves, batch=2)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_features_and_logits_are_those_of_torch_fidelity(ours, theirs, size):
    levels = images(2, *size)
    found, expected = ours.outputs(levels), theirs(levels)
    for width in network.WIDTHS:
        layer, other = found.layers[width], expected[str(width)]
        assert other.shape == (2, width) and other.std() > 0.1
        assert deviation(other[:1], other[1:]) > 0.01  # images are told apart
        assert deviation(layer, other) < 1e-4
        np.testing.assert_allclose(layer, other, rtol=1e-4, atol=1e-5 * other.max())
    for logits in (found.logits, ours.logits(found.layers[2048])):
        assert deviation(logits, expected["logits_unbiased"]) < 1e-4


def test_resizing_is_that_of_tensorflow_1():
    """Against its definition, pixel by pixel: no half pixel, and no smoothing when it shrinks."""
    for height, width in ((5, 7), (299, 299), (640, 3)):
        levels = images(1, height, width)
        found = np.asarray(network.resized(levels))[0]
        for i, j in ((0, 0), (1, 298), (150, 149), (297, 13), (298, 298)):
            y, x = i * height / 299, j * width / 299
            top, left = int(y), int(x)
            bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
            a, b = y - top, x - left
            pixel = (1 - a) * ((1 - b) * levels[0, top, left] + b * levels[0, top, right])
            pixel = pixel + a * ((1 - b) * levels[0, bottom, left] + b * levels[0, bottom, right])
            np.testing.assert_allclose(128 * found[i, j] + 128, pixel, atol=2e-2)


def test_a_last_batch_is_filled_up_and_no_program_is_compiled_twice(net):
    levels = images(5, 20, 20)
    whole = net.features(levels)
    assert whole.shape == (5, 2048) and whole.dtype == np.float32
    compiled = programs(inception._applied), programs(inception._resized)
    for start, end in ((0, 1), (1, 3), (2, 5)):
        np.testing.assert_allclose(net.features(levels[start:end]), whole[start:end], rtol=1e-5)
    other = inception.Inception("1" * 64, weights.leaves(1), batch=2)
    assert deviation(other.features(levels[:2]), whole[:2]) > 0.1
    assert compiled == (programs(inception._applied), programs(inception._resized))


def test_the_network_has_the_published_number_of_parameters():
    shapes = network.shapes()
    kernels = sum(np.prod(shape) for path, shape in shapes.items() if path.endswith("kernel"))
    channels = sum(shape[0] for path, shape in shapes.items() if path.endswith("scale"))
    assert len(shapes) == 94 * 3 + 1
    assert kernels + 2 * channels + network.CLASSES == 23_850_960  # that of torch-fidelity's


def test_floats_get_their_levels_back_and_grey_is_repeated():
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    floats = levels.astype(np.float32) * np.float32(2 / 255) - 1
    for given in (levels, floats, floats.astype(np.float64)):
        found = inception.levels(given)
        assert found.dtype == np.uint8 and found.shape == (1, 16, 16, 3)
        for channel in range(3):
            np.testing.assert_array_equal(found[..., channel], levels[..., 0])


@pytest.mark.parametrize(
    ("examples", "reason"),
    [
        (np.zeros((3, 2), np.float32), r"\[n, height, width, 1 or 3\], got shape \(3, 2\)"),
        (np.zeros((3, 4, 4, 2), np.float32), "got shape"),
        (np.zeros((0, 4, 4, 3), np.float32), "got shape"),
        (np.full((1, 4, 4, 3), np.nan), "finite"),
        (np.full((1, 4, 4, 3), 255.0), r"\[-1, 1\]"),
    ],
)
def test_what_is_no_image_is_refused(examples, reason):
    with pytest.raises(UserError, match=reason):
        inception.levels(examples)


def test_weights_are_converted_once_and_remember_their_file(tmp_path):
    path = weights.save(tmp_path / "random.pth", weights.tensors(), zipped=False)
    found = inception.read(str(path))
    inception.write(str(tmp_path / "kept.npz"), found)
    kept = inception.read(str(tmp_path / "kept.npz"))
    assert kept.sha256 == found.sha256 and not kept.published
    assert kept.leaves.keys() == found.leaves.keys()
    for name, leaf in kept.leaves.items():
        np.testing.assert_array_equal(leaf, found.leaves[name])
    np.testing.assert_array_equal(kept.leaves["fc/kernel"], weights.leaves()["fc/kernel"])
    given = features.load(f"inception:{tmp_path / 'kept.npz'}")
    assert given.inception == kept.sha256 and kept.sha256[:12] in given.description
    assert "NOT the published" in given.description and "grey" in given.description


def test_wrong_and_damaged_files_are_refused_in_a_line(tmp_path):
    (tmp_path / "text.pth").write_text("weights")
    (tmp_path / "text.npz").write_text("weights")
    np.savez(tmp_path / "other.npz", a=1)
    (tmp_path / "random-6726825d.pth").write_bytes(b"PK\x03\x04")
    small = {"fc/kernel": np.zeros((3, 3), np.float32)}
    inception.write(str(tmp_path / "small.npz"), inception.Inception("0" * 64, small))
    with np.load(tmp_path / "small.npz") as file:
        np.savez(tmp_path / "changed.npz", **{**file, "fc/kernel": np.ones((3, 3), np.float32)})
    whole = (tmp_path / "small.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[:-100])
    for path, reason in (
        (tmp_path / "none.pth", "cannot read"),
        (tmp_path, "cannot read"),
        (tmp_path / "text.pth", "no weights of Inception-v3: no undamaged file"),
        (tmp_path / "text.npz", "damaged"),
        (tmp_path / "other.npz", "damaged"),
        (tmp_path / "cut.npz", "damaged"),
        (tmp_path / "changed.npz", "damaged"),
        (tmp_path / "small.npz", "none that experiments.inception has made"),
        (tmp_path / "random-6726825d.pth", "by its name its SHA-256 starts with 6726825d"),
    ):
        with pytest.raises(UserError, match=reason) as caught:
            inception.read(str(path))
        assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_kept_file_with_one_number_changed_is_refused(tmp_path):
    path = tmp_path / "kept.npz"
    inception.write(str(path), inception.Inception("0" * 64, weights.leaves()))
    with np.load(path) as file:
        arrays = dict(file)
    arrays["Mixed_7c/branch1x1/offset"][3] += 1e-6
    np.savez(path, **arrays)
    with pytest.raises(UserError, match="damaged"):
        inception.read(str(path))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"fc.weight": None}, "fc.weight is missing"),
        ({"AuxLogits.fc.weight": np.zeros(3, np.float32)}, "AuxLogits.fc.weight is unknown"),
        ({"fc.weight": np.zeros((1000, 2048), np.float32)}, r"\(1008, 2048\), is float32 \(1000"),
        ({"Mixed_5b.branch1x1.bn.bias": np.full(64, np.nan, np.float32)}, "must be finite"),
        ({"Mixed_5b.branch1x1.bn.bias": np.zeros(64, np.int64)}, "is int64"),
        ({"Mixed_5b.branch1x1.bn.running_var": np.full(64, -1, np.float32)}, "negative variance"),
    ],
)
def test_weights_of_another_network_are_refused_with_what_differs(changes, reason):
    arrays = {**weights.tensors(), **changes}
    with pytest.raises(ValueError, match=reason):
        inception._leaves({name: array for name, array in arrays.items() if array is not None})


def test_scores_of_published_names_need_the_published_weights(digits):
    for sha256, reason in (
        ("", "its features are Inception-v3's: give --features inception:FILE"),
        ("ab" * 32, "SHA-256 abababab..., those of published scores 6726825d...: take the scores"),
        (INCEPTION_SHA256, None),
    ):
        situation = Situation(digits, features_given=bool(sha256), inception=sha256)
        for name in PUBLISHED:
            missing = requirements.unmet(name, situation)
            assert (missing is None) == (reason is None)
            assert missing is None or reason in missing.reason(situation)
        found, skipped = evaluation.possible((), situation)
        named = PUBLISHED if sha256.startswith("ab") else set()
        assert set(skipped) == named and (PUBLISHED <= set(found)) == (reason is None)


def test_the_published_hash_is_that_of_the_published_name():
    assert INCEPTION_SHA256.startswith("6726825d") and len(INCEPTION_SHA256) == 64
    found = inception.Inception(INCEPTION_SHA256, {})
    assert found.published and "the published ones" in found.description
    assert "NOT" not in found.description
