"""Whatever is typed, the answer is a line, and what is refused leaves nothing behind."""

import pytest

from experiments.cli import config_fields, kinds, pages
from tests.experiments.fuzz_commands import commands, flags_of, fuzz


def test_random_configs_and_command_lines_are_answered_in_a_line():
    counts, faults, _ = fuzz(configs=12, lines=8, seed=2026)
    assert not faults, "\n".join(faults)
    assert counts[2] >= 5 and sum(counts.values()) == 20


@pytest.mark.parametrize("name", commands())
def test_every_number_of_every_command_has_a_finite_range_that_its_help_states(name):
    of, values = flags_of(name)
    page = " ".join(pages.full(of, name, "").split())
    assert len(of.notes) >= 2
    for flag in of.notes:
        parser = values[flag].parser
        allowed = getattr(parser, "range", None)
        if flag in config_fields.FIELDS and of.preset is not None:
            allowed = config_fields.FIELDS[flag].range
        assert (allowed is not None) == isinstance(parser, kinds.Number), flag
        if allowed is not None:
            assert abs(allowed.low) < float("inf") and abs(allowed.high) < float("inf")
            assert f"In {allowed}." in page, flag
