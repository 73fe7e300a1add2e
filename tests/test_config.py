import dataclasses
import json

import pytest

from gan import config
from gan.errors import UserError


def test_a_list_of_names_survives_it_too():
    chosen = config.replace(config.Config(), {"metrics": ["w1", "recall"]})
    assert chosen.metrics == ("w1", "recall")
    assert config.to_dict(chosen)["metrics"] == ["w1", "recall"]
    assert config.from_dict(json.loads(json.dumps(config.to_dict(chosen)))) == chosen


def test_the_path_of_every_field_replaces_that_field_alone():
    base = config.replace(config.Config(), {"augmentations": ("flip",)})
    for path, value in config.flatten(base).items():
        if not isinstance(value, float):
            continue
        changed = config.replace(base, {path: type(value)(value / 2 if value else 0.5)})
        differing = {p for p, v in config.flatten(changed).items() if v != config.flatten(base)[p]}
        assert differing == {path}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stepz": 3}, "did you mean 'steps'"),
        ({"data.nam": "digits"}, "did you mean 'data.name'"),
        ({"steps": 0}, "steps must be in 1 .. 2,147,483,647, got 0"),
        ({"steps": 1.5}, "steps must be int, got 1.5"),
        ({"steps": True}, "steps must be int, got True"),
        ({"beta1": 1.0}, "beta1 must be in 0 .. 0.99999994, got 1.0"),
        ({"penalty_weight": float("nan")}, "penalty_weight must be in 0 .. 1e+12, got nan"),
        ({"penalty_weight": float("inf")}, "penalty_weight must be in 0 .. 1e+12, got inf"),
        ({"schedule": "cosine"}, "schedule must be one of constant, linear; got 'cosine'"),
        ({"data.folder": 3}, "data.folder must be str or null, got 3"),
        ({"seed": 2**32}, "seed must be in 0 .. 4,294,967,295, got 4294967296"),
        ({"penalty_every": 0}, "penalty_every must be in 1 .. 1,000,000, got 0"),
        (
            {"augmentation_target": 0.6},
            "augmentation_probability and augmentation_target go with augmentations",
        ),
        ({"augmentation_probability": 1.5}, "augmentation_probability must be in 0 .. 1, got 1.5"),
        ({"augmentation_examples": 0}, "augmentation_examples must be in 1 .. 1e+12, got 0"),
        ({"accumulation": 3}, "accumulation must divide batch_size: 3 parts of 64 examples"),
        ({"metrics": "w1"}, "metrics must be a list of names, got 'w1'"),
        ({"metrics": ["w1", 3]}, "metrics must be a list of names, got ['w1', 3]"),
        ({"metrics": ["w1", "w1"]}, "names one twice"),
        ({"metrics": [""]}, "metrics must have 1 to 4096 characters"),
        ({"weight_clip": -1.0}, "weight_clip must be in 0 .. 1,000,000, got -1.0"),
    ],
)
def test_a_bad_field_is_named_with_what_is_allowed(changes, message):
    with pytest.raises(UserError) as caught:
        config.replace(config.Config(), changes)
    assert message in str(caught.value)


FORBIDDEN = [
    {"weight_clip": 0.01, "critic.weights": "spectral"},
    {"precision": "bfloat16", "generator.weights": "spectral"},
    {"augmentations": (), "augmentation_target": 0.6},
    {"accumulation": 2, "generator.normalization": "batch"},
]


@pytest.mark.parametrize("changes", FORBIDDEN, ids=str)
def test_choices_that_do_not_go_together_are_refused_and_each_alone_is_not(changes):
    base = config.replace(config.Config(), {"penalty": "none", "augmentations": ("flip",)})
    for path, value in changes.items():
        config.replace(base, {path: value})
    with pytest.raises(UserError, match="goes with|go with"):
        config.replace(base, changes)


def test_every_forbidden_pair_has_its_case():
    base = config.to_dict(config.replace(config.Config(), {"penalty": "none"}))
    for applies, _ in config.FORBIDDEN:
        assert not applies(config.from_dict(base))
    assert len(config.FORBIDDEN) == len(FORBIDDEN)


def test_an_integer_is_accepted_where_a_float_is_wanted():
    assert config.replace(config.Config(), {"penalty_weight": 3}).penalty_weight == 3.0


@pytest.mark.parametrize("content", ["", "[]", "{", '{"steps": "many"}', '{"data": 3}'])
def test_a_bad_config_file_is_refused(tmp_path, content):
    path = tmp_path / "config.json"
    path.write_text(content)
    with pytest.raises(UserError):
        config.load(str(path))


def test_configs_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.Config().steps = 3
