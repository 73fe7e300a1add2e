"""Emoji from a package: what is left out, what stays together, what is refused."""

import doctest

import numpy as np
import pytest

from gan import config, data
from gan.data import emoji
from gan.errors import UserError


def sign(group, value, label=0):
    return emoji._Sign(label, group, np.full((2, 2, 3), value, np.uint8))


def test_groups_stay_in_one_split_and_copies_are_left_out():
    signs = [sign(f"group {row // 3}", row % 250, row % 9) for row in range(240)]
    signs += [sign("a copy", 17), sign("of two others", 18)]
    splits = emoji._splits(signs)
    values = {name: set(images[:, 0, 0, 0].tolist()) for name, (images, _) in splits.items()}
    assert sorted(sum(map(list, values.values()), [])) == list(range(240))
    for found in values.values():
        assert {3 * (value // 3) + k for value in found for k in range(3)} == found
    assert [len(splits[name][0]) for name in data.SPLITS] == [192, 24, 24]
    for images, labels in splits.values():
        np.testing.assert_array_equal(images[:, 0, 0, 0] % 9, labels)
    again = emoji._splits(reversed(signs[:240]))
    for name, found in values.items():
        assert set(again[name][0][:, 0, 0, 0].tolist()) == found


def test_signs_of_people_that_differ_in_gender_are_a_group():
    assert doctest.testmod(emoji).failed == 0
    assert (
        len({emoji.group(code) for code in ("1F468", "1F469", "1F9D1", "1F468-200D-2642-FE0F")})
        == 1
    )
    assert emoji.group("1F4681") == "1F4681"


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        (lambda path: None, "is missing\nfetch it: npm pack emoji-datasource-google@16.0.0"),
        (lambda path: path.write_bytes(b"no package"), "has the wrong SHA-256"),
        (lambda path: path.mkdir(), "cannot be read: it is a folder"),
    ],
)
def test_a_package_that_is_not_the_one_is_refused(tmp_path, monkeypatch, prepare, reason):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "prepared"))
    prepare(tmp_path / emoji.GOOGLE.file)
    with pytest.raises(UserError, match=reason):
        data.load(config.Data(name="emoji"), str(tmp_path))
    with pytest.raises(UserError, match="emoji needs the file emoji-datasource-google-16.0.0.tgz"):
        data.load(config.Data(name="emoji"))


def test_a_set_is_prepared_once_and_resized(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    emoji.emoji.case.load(tmp_path)
    (tmp_path / emoji.GOOGLE.file).unlink()
    found = data.load(config.Data(name="emoji", image_size=16))
    assert found.shape == (16, 16, 3) and found.num_classes == 9
    assert [found.size(split) for split in data.SPLITS] == [32, 4, 4]
    reds = [found._raw(split, np.arange(found.size(split)))[0][:, 3, 5, 0] for split in data.SPLITS]
    assert sorted(np.concatenate(reds).tolist()) == [5 * row for row in range(40)]
