"""What comes in from outside is checked at the door."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan import config, inputs
from gan.errors import UserError

FIELDS = config.ranges(config.Config())


@pytest.mark.parametrize("path", FIELDS)
def test_both_ends_of_every_range_are_taken_and_nothing_beyond(path):
    fixed = {"steps": 1, "n_critic": 1, "batch_size": FIELDS["accumulation"].high}
    base = config.replace(config.Config(), fixed | {"augmentations": ("color",)})
    allowed, kind = FIELDS[path], type(config.flatten(base)[path])
    assert math.isfinite(allowed.low) and math.isfinite(allowed.high)
    for value in (allowed.low, allowed.high):
        taken = config.replace(base, {path: kind(value)})
        assert config.flatten(taken)[path] == value
    beyond = [math.nextafter(allowed.high, math.inf), -5e-324, math.nan, math.inf, -math.inf]
    for value in [math.floor(allowed.low) - 1, allowed.high + 1] if kind is int else beyond:
        with pytest.raises(UserError, match=f"{path} must be in "):
            config.replace(base, {path: value})
    for value in (10**400, -(10**400), 10**5000, True, "1", [1], None):
        with pytest.raises(UserError, match=path):
            config.replace(base, {path: value})


def test_every_number_of_the_config_has_a_range():
    numbers = {
        path
        for path, value in config.flatten(config.Config()).items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    assert numbers == set(FIELDS)


def test_decays_below_one_stay_below_one_in_float32():
    assert np.float32(FIELDS["beta2"].high) < 1
    assert np.float32(1 - 2**-25) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, "levels deep"),
        ('{"data": ' * 9 + "1" + "}" * 9, "levels deep"),
        ('{"steps": 1, "steps": 2}', "'steps' appears twice"),
        ('{"penalty_weight": 1e999}', "beyond the largest number"),
        ('{"penalty_weight": NaN}', "NaN is no number"),
        ('{"penalty_weight": -Infinity}', "-Infinity is no number"),
        ('{"steps": ' + "9" * 5000 + "}", "not valid JSON"),
        ('{"steps": ' + "9" * 400 + "}", "steps must be in 1 .."),
        ('{"steps": {"a": [[[1]]]}}', "steps must be int"),
        ('{"steps": 1}' + " " * inputs.LARGEST_FILE, "over 1,000,000 bytes"),
        ('{"stepz": 1}', "did you mean 'steps'"),
        ('"' + '\\"' * 200_000, "not valid JSON"),
    ],
    ids=lambda text: text[:24],
)
def test_a_bad_config_file_is_refused_in_one_short_line(tmp_path, text, reason):
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        config.load(str(path))
    assert reason in str(caught.value)
    assert len(str(caught.value)) < 1000 and "\n" not in str(caught.value)


def test_brackets_inside_strings_are_no_nesting():
    text = json.dumps({"name": "[" * 50 + '"' + "{" * 50 + "\\"})
    assert inputs.parse_json(text) == json.loads(text)


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_any_text_is_json_or_a_value_error(text):
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(ValueError):
            inputs.parse_json(text)
        return
    try:
        assert inputs.parse_json(text) == expected
    except ValueError:
        assert any(word in text for word in ("NaN", "Infinity", "e", "E", "[", "{"))


@given(st.integers() | st.floats() | st.text() | st.lists(st.integers()))
def test_a_value_is_shown_on_one_short_line(value):
    shown = inputs.shown(value)
    assert "\n" not in shown and len(shown) <= inputs.SHOWN + 40
