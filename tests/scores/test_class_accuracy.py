"""Known answers: real examples as 'generated' ones, labels that are ignored, a class that is not
there."""

import numpy as np
import pytest

from gan.scores import class_accuracy


class ReadsTheCorner:
    """A 'classifier' whose answer is written in the first pixel."""

    def labels(self, examples):
        return np.rint(examples[:, 0, 0, 0] * 10).astype(int)


class Corners:
    """Three classes; the last real example of class 1 is written as 2, and class 2 has none."""

    class_names = ("a", "b", "c")
    labels = np.array([0, 1, 0, 1, 1, 1], np.int32)
    written = np.array([0, 1, 0, 1, 1, 2])

    def examples(self, split, rows=None):
        assert split == "test"
        rows = np.arange(6) if rows is None else rows
        return image(self.written[rows]), self.labels[rows]


def image(labels):
    return np.asarray(labels, np.float32).reshape(-1, 1, 1, 1) / 10 * np.ones((1, 2, 2, 1))


def found(generate):
    return class_accuracy.shares(generate, 3, Corners(), ReadsTheCorner(), "test", per_class=8)


def test_a_generator_that_obeys_and_one_that_does_not():
    obeys = found(lambda z, labels: image(labels))
    assert [share["generated"] for share in obeys.values()] == [1, 1, 1]
    always_b = found(lambda z, labels: image(np.ones(len(labels))))
    assert [share["generated"] for share in always_b.values()] == [0, 1, 0]
    half = found(lambda z, labels: image(np.where(np.arange(len(z)) % 2, labels, 7)))
    assert [share["generated"] for share in half.values()] == [0.5, 0.5, 0.5]


def test_real_shares_are_the_classifiers_own_and_means_are_over_classes():
    obeys = found(lambda z, labels: image(np.where(labels == 2, 7, labels)))
    assert {name: share["real"] for name, share in obeys.items()} == {"a": 1, "b": 0.75, "c": None}
    assert class_accuracy.means(obeys) == (pytest.approx(2 / 3), 0.875)


def test_a_table_over_runs_says_mean_range_and_real():
    obeys = found(lambda z, labels: image(labels))
    always_b = found(lambda z, labels: image(np.ones(len(labels))))
    lines = class_accuracy.table([obeys, always_b]).splitlines()
    assert lines[2:] == [
        "| a | 50.0 | 0.0, 100.0 | 100.0 |",
        "| b | 100.0 | 100.0, 100.0 | 75.0 |",
        "| c | 50.0 | 0.0, 100.0 |  |",
    ]


def test_latents_are_normal_and_the_same_for_every_class():
    seen = []
    found(lambda z, labels: seen.append(z) or image(labels))
    assert len(seen) == 3 and seen[0].shape == (8, 3)
    np.testing.assert_array_equal(seen[0], seen[1])
    assert 0.5 < seen[0].std() < 1.5
