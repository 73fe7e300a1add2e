"""The flags are absl's: what works there works here, beside what was always allowed here."""

import contextlib
import importlib
import io

import pytest
from absl import flags, logging

from experiments import cli
from experiments.cli import config_fields, pages
from gan import config, presets, registries
from gan.errors import UserError
from tests.experiments.commands import call
from tests.experiments.fuzz_commands import commands, flags_of

LIST = [
    "--sizes 40 50",
    "--sizes=40,50",
    "--sizes 40,50",
    "--sizes 40 --sizes 50",
    "--sizes=40 --sizes=50",
    "-sizes 40 50 --on",
]


def define(to):
    """Flags of every kind."""
    to.workdir()
    to.integers("sizes", [1, 2, 3], "some sizes", -10, 100)
    to.texts("names", None, "some names")
    to.boolean("on", "a switch")
    to.real("rate", 0.5, "a rate", 0, 1)
    to.config("digits")


def parsed(line, define=define):
    words = line.split() if isinstance(line, str) else line
    return cli.parse(define, "What it does.", ["--workdir=x", *words])


@pytest.mark.parametrize("line", LIST)
def test_a_list_is_given_by_words_commas_and_repetition(line):
    assert parsed(line).sizes == [40, 50]


def test_a_list_has_its_default_until_it_is_given_and_holds_negative_numbers():
    assert parsed("").sizes == [1, 2, 3] and parsed("").names is None
    assert parsed("--sizes -4 -5 --on").sizes == [-4, -5]
    assert parsed(["--names", 'a,"b,c"', "d"]).names == ["a", "b,c", "d"]


@pytest.mark.parametrize(
    ("line", "on"),
    [("--on", True), ("--noon", False), ("--on false", False), ("--on=yes", True), ("", False)],
)
def test_a_switch_takes_a_word_or_its_negation(line, on):
    assert parsed(line).on is on


def test_nested_fields_have_dotted_names():
    chosen = parsed("--generator.width 7 --data.dequantize --noconditional --beta1=0.25").config
    assert chosen.generator.width == 7 and chosen.data.dequantize and not chosen.conditional
    assert chosen == config.replace(
        presets.get("digits"), {"generator.width": 7, "data.dequantize": True, "beta1": 0.25}
    )
    assert parsed("--data.dequantize true --nodata.dequantize").config == presets.get("digits")


def test_every_field_of_the_config_is_a_flag_with_its_default_and_help():
    values, known = parsed("--preset two_moons"), config.flatten(presets.get("two_moons"))
    assert list(known) and set(known) == set(config_fields.FIELDS)
    for path, field in config_fields.FIELDS.items():
        default = values[path].default
        default = tuple(default) if isinstance(default, list) else default
        assert default == known[path] and len(field.help) > 10, path
    assert {field.group for field in config_fields.FIELDS.values()} == set(config_fields.TITLES)


def test_a_flag_file_is_read_where_it_stands(tmp_path):
    (tmp_path / "flags").write_text("# a comment\n--sizes=7\n--steps=5\n--on\n")
    values = parsed(["--steps", "3", "--flagfile", str(tmp_path / "flags"), "--beta1=0.5"])
    assert (values.sizes, values.config.steps, values.config.beta1, values.on) == (
        [7],
        5,
        0.5,
        True,
    )
    assert parsed([f"--flagfile={tmp_path}/flags", "--steps", "3"]).config.steps == 3


def test_flags_of_absl_itself_work_and_do_not_outlive_the_command():
    assert parsed("--verbosity=1").verbosity == 1 and logging.get_verbosity() == 1
    assert parsed("--alsologtostderr --on").alsologtostderr
    assert parsed("").verbosity == logging.get_verbosity() == logging.WARNING
    assert not parsed("").alsologtostderr
    assert parsed("--undefok=other --other=3 --noother").on is False
    assert flags.FLAGS.is_parsed()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--sizes", "--sizes needs a value"),
        ("--sizes --on", "--sizes needs a value; got the flag --on"),
        ("--sizes 40 x", "--sizes: must be a whole number in -10 .. 100, got 'x'"),
        ("--rate 2", "--rate: must be in 0 .. 1, got 2.0"),
        ("--on perhaps", "--on: must be true or false, got 'perhaps'"),
        ("--noon=1", "--noon takes no value, got '1'"),
        ("--sizse 4", "unknown flag '--sizse'; did you mean --sizes?"),
        ("--verbosity=loud", "--verbosity:"),
        ("--flagfile=/nonexistent", "/nonexistent"),
        ("--penalty two_side", "--penalty: unknown name 'two_side'; did you mean 'two_sided'?"),
        ("stray", "unexpected argument 'stray'"),
    ],
)
def test_a_mistake_says_what_is_allowed(line, words):
    with pytest.raises(UserError) as caught:
        parsed(line)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def page(line):
    out = io.StringIO()
    with contextlib.redirect_stdout(out), pytest.raises(SystemExit) as end:
        parsed(line)
    assert end.value.code == 0
    return out.getvalue()


def test_the_pages_say_less_and_more():
    usual, short, full = (page(f"--{name}") for name in ("help", "helpshort", "helpfull"))
    assert "What it does." in short and "--rate 0.5" in short and "--steps" not in short
    assert "--steps 4500 " in usual and "--alsologtostderr" not in usual
    assert "In 1 .. 2,147,483,647." in full and "alsologtostderr" in full and "flagfile" in full
    for name, text in registries.PENALTIES.helps().items():
        assert f"- {name}: {text}"[:60] in full
    assert "<name>steps</name>" in page("--helpxml")
    assert "--steps 100000 " in page("--preset two_moons --help")


def test_a_list_of_names_says_what_they_are_and_in_full_which():
    for name in ("train", "evaluate"):
        status, out, _ = call(name, "--help")
        (line,) = [line for line in out.splitlines() if line.startswith("  --metrics NAME ... ")]
        assert status == 0 and "report" in line and "w1_floor" not in line
        full = call(name, "--helpfull")[1]
        assert "- w1_floor: " in full and "sliced_w1_debiased," in full


def test_the_help_of_a_training_fits_two_screens():
    status, out, _ = call("train", "--help")
    lines = out.splitlines()
    assert status == 0 and len(lines) <= 100 and max(map(len, lines)) <= pages.WIDTH
    assert [line for line in lines if line in config_fields.TITLES] == list(config_fields.TITLES)


def test_the_presets_are_listed():
    listed = page("--preset list")
    assert listed.strip() == presets.table().strip()
    assert call("train", "--preset", "list")[0] == 0


def test_a_name_that_does_not_exist_leaves_no_run_directory(tmp_path):
    for change in (["--penalty", "one_sided_fak"], ["--penalty", "nowhere.to.be:found"]):
        status, out, err = call("train", "--workdir", tmp_path / "run", *change)
        assert status == 2 and out == "" and change[1].split(":")[0] in err
        assert not (tmp_path / "run").exists()


LITERALS = [
    "gan.benchmarks.approximations:COSTS",
    "gan.benchmarks.approximations:SOLVERS",
    "gan.benchmarks.critic_methods:METHODS",
    "gan.benchmarks.critic_protocols:PROTOCOLS",
    "gan.benchmarks.growth_axes:AXES",
    "gan.benchmarks.instances:INSTANCES",
    "gan.benchmarks.peers:SOLVERS",
    "gan.benchmarks.workloads:WORKLOADS",
    "gan.primal.comparisons:COMPARISONS",
    "gan.primal.comparisons:COSTS",
    "gan.sweeps.proposals:SAMPLERS",
    "gan.transport.costs:NAMES",
]


@pytest.mark.parametrize("path", LITERALS)
def test_names_read_off_a_source_are_those_of_the_module(path):
    module, _, name = path.partition(":")
    names = cli.literal(path)
    assert names == tuple(getattr(importlib.import_module(module), name)) and len(names) > 1


def test_what_is_no_constant_cannot_be_read_off():
    with pytest.raises(LookupError, match="no constant NAMED"):
        cli.literal("gan.transport.costs:NAMED")


@pytest.mark.parametrize("name", commands())
def test_every_command_defines_flags_with_help(name):
    of, values = flags_of(name)
    assert all(len(values[flag].help) > 2 for flag in of.notes)
    assert pages.usage(of, name).startswith("usage: ")
