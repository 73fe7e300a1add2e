"""What every data set must do, each in the miniature of its own case."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from gan import config, data
from gan.registries import SOURCES
from tests.compiled import programs
from tests.data.makers import miniature
from tests.entries import names

OTHERS = ["of_tensorflow_datasets", "tests.plugin.data:ring", "tests.plugin.data:stripes"]
NAMES = names(SOURCES, *OTHERS)


@pytest.fixture(scope="module", params=NAMES)
def made(request, tmp_path_factory):
    """(name, entry, data set in miniature) of every source."""
    name = request.param
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp(name)
        return name, SOURCES.get(name), miniature(name, folder, patch)


def test_every_name_is_of_its_own_data(tmp_path, monkeypatch):
    assert len(SOURCES) >= 12
    assert len({SOURCES.get(name).case.fingerprint for name in NAMES}) == len(NAMES)


def test_it_is_what_its_case_says(made):
    name, entry, dataset = made
    assert dataset.shape == entry.case.shape
    assert dataset.num_classes == entry.case.classes == len(dataset.class_names)
    assert dataset.fingerprint == entry.case.fingerprint
    assert dataset.name == name or name == OTHERS[0]
    assert data.describe(dataset)["fingerprint"] == dataset.fingerprint


def test_a_batch_is_a_function_of_the_key_alone(made):
    _, entry, dataset = made
    batch = jax.jit(dataset.batch, static_argnums=2)
    examples, labels = batch(dataset.arrays, jax.random.key(0), 64)
    assert examples.shape == (64, *entry.case.shape) and examples.dtype == jnp.float32
    assert labels.shape == (64,) and labels.dtype == jnp.int32
    assert 0 <= labels.min() and labels.max() < dataset.num_classes
    assert (len(np.unique(labels)) > 1) == (dataset.num_classes > 1)
    if len(dataset.shape) == 3:
        assert -1 <= examples.min() < examples.max() <= 1
    again, same = batch(dataset.arrays, jax.random.key(0), 64)
    assert_array_equal(examples, again)
    assert_array_equal(labels, same)
    assert not np.array_equal(examples, batch(dataset.arrays, jax.random.key(1), 64)[0])
    assert programs(batch) == 1


def test_splits_are_fixed_and_disjoint(made, tmp_path, monkeypatch):
    name, _, dataset = made
    again = miniature(name, tmp_path, monkeypatch)
    seen: set[bytes] = set()
    for split in data.SPLITS:
        examples, labels = dataset.examples(split)
        assert len(examples) == len(labels) == dataset.size(split) > 0
        assert examples.dtype == np.float32 and labels.dtype == np.int32
        assert 0 <= labels.min() and labels.max() < dataset.num_classes
        assert_array_equal(examples[[1, 0]], again.examples(split, [1, 0])[0])
        if dataset.shape == (2,):
            assert len(labels) == 100_000 and dataset.arrays == {} and not dataset.streamed
            assert_array_equal(np.unique(labels), np.arange(dataset.num_classes))
        found = {row.tobytes() for row in examples[:5000]}
        assert len(found & seen) <= 0.01 * len(found)  # points of two samples may meet
        seen |= found


def test_fields_that_it_does_not_read_are_refused(made):
    name, entry, _ = made
    changes = {
        "folder": "x",
        "splits": "content",
        "skip_unreadable": True,
        "largest_megapixels": 3,
        "image_size": 8,
        "dequantize": True,
        "stream": "always",
    }
    fields = [field for field in config.flatten(config.Data()) if field != "name"]
    assert set(fields) == set(changes) >= set(entry.reads)
    for field in fields:
        choice = config.Data(name=name, **{field: changes[field]})
        if field in entry.reads:
            entry.check_choice(choice)
        else:
            with pytest.raises(config.UserError, match=f"data.{field} (is for|goes with)"):
                entry.check(config.Config(data=choice), choice)
