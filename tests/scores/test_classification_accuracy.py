"""Classifiers that learn from generated examples."""

import types

import numpy as np
import pytest

from gan import config, data
from gan.registries import METRICS
from gan.scores import classification_accuracy, classifier, evaluation
from gan.scores.requirements import Situation


@pytest.fixture(scope="module")
def digits():
    return data.load(config.Data(name="digits"))


def accuracy(digits, generate, lines):
    own = classifier.load_or_train(digits)
    return classification_accuracy.accuracy(generate, 3, digits, own, "test", lines.append)


def test_the_training_set_itself_scores_what_the_data_sets_own_classifier_does(digits):
    """To the last bit: the same examples in the same order train the same classifier."""
    images, labels = digits.examples("train")
    at, lines = 0, []

    def copies(latents, asked):
        nonlocal at
        rows = slice(at, at + len(asked))
        at += len(asked)
        np.testing.assert_array_equal(asked, labels[rows])
        assert latents.shape == (len(asked), 3)
        return images[rows]

    found = accuracy(digits, copies, lines)
    assert found.generated == found.real > 0.9 and found.n == len(images) == at
    assert lines == [f"training a classifier on {found.n:,} generated examples"]


def test_one_image_for_all_classes_teaches_nothing(digits):
    image = digits.examples("train", np.arange(1))[0]
    found = accuracy(digits, lambda latents, asked: np.repeat(image, len(asked), axis=0), [])
    assert found.generated < 0.25 < 0.9 < found.real


def test_fewer_generated_examples_stand_beside_as_few_real_ones(digits, monkeypatch):
    monkeypatch.setattr(classification_accuracy, "MOST", 30)
    lines = []
    blank = digits.examples("train", np.arange(1))[0][0]
    found = accuracy(digits, lambda latents, asked: np.stack([blank] * len(asked)), lines)
    assert (
        found.n == 30 and found.generated < found.real < classifier.load_or_train(digits).accuracy
    )
    assert [line.split()[-2] for line in lines] == ["real", "generated"]


def test_it_is_computed_where_it_is_asked_for_by_name():
    dataset = types.SimpleNamespace(
        shape=(8, 8, 1), num_classes=10, modes=None, base=None, size=lambda split: 99
    )
    situation = Situation(dataset, conditional=True)
    assert "classification_accuracy" not in evaluation.possible([], situation)[0]
    assert evaluation.possible(["classification_accuracy"], situation)[0]
    assert METRICS.get("classification_accuracy").cost == "asked"
