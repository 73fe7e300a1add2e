"""Sub-folders as classes or as official splits, and the split of every distinct picture."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan.data import layout
from gan.data.dataset import SPLITS
from gan.data.tree import Listing
from gan.errors import UserError


def arrange(*folders, wanted="auto"):
    listing = Listing(pictures=[(tuple(filter(None, f.split("/"))), f"{f}/x.png") for f in folders])
    return layout.arrange("root", listing, wanted)


@pytest.mark.parametrize(
    "folders, splits",
    [
        (["train/a", "test/a"], ["train", "test"]),
        (["Train/a", "VAL/a", "test/a"], ["train", "validation", "test"]),
        (["training/a", "valid/a"], ["train", "test"]),
        (["train", "validation", "testing"], ["train", "validation", "test"]),
        (["train/a/deep", "test/a"], ["train", "test"]),
        (["train", "plane", "car"], [None] * 3),
        (["train", "test", "car"], [None] * 3),
        (["train"], [None]),
        (["test", "val"], [None] * 2),
        ([""], [None]),
    ],
)
def test_only_folders_named_after_splits_are_splits(folders, splits):
    found = arrange(*folders)
    assert [item.split for item in found.items] == splits
    if splits[0] is None:
        assert found.class_names == (tuple(sorted(folders)) if folders != [""] else ("all",))
        assert not found.notes
    else:
        assert found.class_names == (("a",) if "/" in folders[0] else ("all",))
        assert "official splits" in found.notes[0]
        assert ("cut from train" in found.notes[0]) == ("validation" not in splits)


def test_a_flag_settles_what_sub_folders_are():
    found = arrange("train/a", "test/a", wanted="content")
    assert found.class_names == ("test", "train") and {i.split for i in found.items} == {None}
    assert not found.notes
    with pytest.raises(UserError, match="in no others; root has them in car, test, train"):
        arrange("train", "test", "car", wanted="folders")
    with pytest.raises(UserError, match="root has them in none"):
        arrange(wanted="folders")


def test_labels_agree_across_splits_and_missing_classes_are_said():
    found = arrange("train/cat", "train/dog", "val/dog", "test/cat", "test/emu")
    assert found.class_names == ("cat", "dog", "emu")
    assert [item.label for item in found.items] == [0, 1, 1, 0, 2]
    assert found.notes[1:] == [
        "train has no pictures of 1 classes: emu",
        "val has no pictures of 2 classes: cat, emu",
        "test has no pictures of 1 classes: dog",
    ]


def test_contradicting_folders_are_refused():
    with pytest.raises(UserError, match="two sub-folders for one split: train, val, validation"):
        arrange("train/a", "val/a", "validation/a")
    with pytest.raises(UserError, match="has images in test beside sub-folders"):
        arrange("train/a", "test")
    with pytest.raises(UserError, match="put every image into one of them, or none"):
        arrange("a", "")


KEYS = st.sets(st.text("abcdef", min_size=3, max_size=6), min_size=10, max_size=60)


@given(KEYS)
@settings(deadline=None, max_examples=50)
def test_pictures_are_cut_by_content(keys):
    place = layout.places({key: {None} for key in keys})
    order = [place[key] for key in sorted(keys)]
    held_out = max(1, len(keys) // 10)
    assert order == sorted(order, key=SPLITS.index)
    assert [order.count(s) for s in SPLITS] == [len(keys) - 2 * held_out, held_out, held_out]


@given(st.dictionaries(st.text("abc", min_size=4), st.sets(st.sampled_from(SPLITS), min_size=1)))
@settings(deadline=None, max_examples=50)
def test_official_splits_are_kept_and_the_later_one_wins(groups):
    place = layout.places(groups)
    assert place.keys() == groups.keys()
    train = sorted(k for k, splits in groups.items() if splits == {"train"})
    for key, splits in groups.items():
        if "test" in splits:
            assert place[key] == "test"
        elif "validation" in splits:
            assert place[key] == "validation"
    cut = [key for key in train if place[key] != "train"]
    if any("validation" in splits for splits in groups.values()):
        assert not cut
    elif train:
        assert cut == train[-max(1, len(train) // 10) :]
        assert {place[key] for key in cut} == {"validation"}
