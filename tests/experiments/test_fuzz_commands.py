"""Whatever is typed, the answer is a line, and what is refused leaves nothing behind."""

import pytest

from experiments import cli
from gan.inputs import Range
from tests.experiments.commands import command
from tests.experiments.fuzz_commands import commands, fuzz


def test_random_configs_and_command_lines_are_answered_in_a_line():
    counts, faults, _ = fuzz(configs=12, lines=8, seed=2026)
    assert not faults, "\n".join(faults)
    assert counts[2] >= 5 and sum(counts.values()) == 20


@pytest.mark.parametrize("name", commands())
def test_every_number_of_every_command_has_a_finite_range_that_its_help_states(name):
    module = command(name)
    parser = cli.parser(module.__doc__)
    module.define(parser, [])
    page = " ".join(parser.format_help().split())
    for action in parser._actions:
        allowed = getattr(action.type, "range", None)
        if not action.dest.startswith("config."):
            assert action.type not in (int, float), action.option_strings
        if isinstance(allowed, Range):
            assert abs(allowed.low) < float("inf") and abs(allowed.high) < float("inf")
            assert f"[{allowed}]" in page, action.option_strings
