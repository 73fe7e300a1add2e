"""F11: a mistake on the command line ends with status 2, at most three lines, no traceback."""

import re
import resource
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.experiments.commands import call, finish, start


def pair(coordinator, processes=2):
    """The flags of one of two processes, but for its number."""
    return ["--coordinator", coordinator, "--processes", str(processes), "--process_index"]


BAD = {
    "train": [
        (["--steps", "many"], "steps"),
        (["--steps", "0"], "steps must be in 1 .. 2,147,483,647, got 0"),
        (["--steps", "-5"], "steps must be in 1 .. 2,147,483,647, got -5"),
        (["--steps", "1.5"], "steps"),
        (["--steps"], "steps"),
        (["--stepz", "3"], "--stepz"),
        (["--step", "3"], "--step"),
        (["stray"], "stray"),
        (["--preset", "digit"], "did you mean 'digits'"),
        (["--preset", "digits", "--config_path", "x.json"], "not both"),
        (["--config_path", "/nonexistent.json"], "/nonexistent.json"),
        (["--beta1", "1"], "beta1 must be in 0 .. 0.99999994, got 1.0"),
        (["--penalty_weight", "nan"], "penalty_weight"),
        (["--penalty_weight", "-1"], "penalty_weight"),
        (["--generator_learning_rate", "inf"], "generator_learning_rate"),
        (["--penalty", "both"], "two_sided"),
        (["--loss", "wasserstien"], "did you mean 'wasserstein'"),
        (["--schedule", "cosine"], "constant"),
        (["--generator.name", "resnt"], "generator.name"),
        (["--generator.activation", "gelu"], "leaky_relu"),
        (["--critic.width", "0"], "critic.width must be in 1 .. 65,536"),
        (["--data.name", "digitz"], "did you mean 'digits'"),
        (["--data.name", "folder"], "folder"),
        (["--data.name", "folder", "--data.folder", "/nonexistent"], "/nonexistent"),
        (["--data.folder", "/tmp"], "data.folder"),
        (["--data.stream", "sometimes"], "always"),
        (["--data.image_size", "-8"], "data.image_size"),
        (["--data.name", "gaussians8", "--generator.name", "dcgan"], "use mlp"),
        (["--devices", "100"], "--devices 100"),
        (["--devices", "-1"], "--devices"),
        (["--batch_size", "7", "--devices", "2"], "multiple of the 2 devices"),
        (["--processes", "2"], "missing: --coordinator, --process_index"),
        (["--process_index", "1"], "missing: --coordinator, --processes"),
        (["--coordinator", "localhost:1234"], "missing: --processes, --process_index"),
        ([*pair("x:y"), "0"], "HOST:PORT with a port in 1 .. 65535, got 'x:y'"),
        ([*pair("localhost:0"), "0"], "1 .. 65535"),
        ([*pair("localhost:65536"), "0"], "1 .. 65535"),
        ([*pair("localhost"), "0"], "HOST:PORT"),
        ([*pair("a:b:1"), "0"], "HOST:PORT"),
        ([*pair("a b:1"), "0"], "HOST:PORT"),
        ([*pair("nobody.invalid:1234"), "0"], "no such host"),
        ([*pair("192.0.2.1:1234"), "0"], "process 0 cannot use this address"),
        ([*pair("localhost:1234"), "2"], "--process_index must be in 0 .. 1, got 2"),
        ([*pair("localhost:1234"), "-1"], "--process_index: must be in 0 .."),
        ([*pair("localhost:1234", 0), "0"], "--processes: must be in 1 .."),
        ([*pair("localhost:1234", 10**9), "0"], "--processes: must be in 1 .."),
        (["--workdir", ""], "--workdir: a path must not be empty"),
        (["--workdir", "x" * 256], "File name too long"),
        (["--seed", "4294967296"], "seed"),
        (["--data.dequantize", "perhaps"], "dequantize"),
        (["--conditional", "maybe"], "conditional"),
        (["--conditional", "true", "--data.name", "swiss_roll"], "swiss_roll is one class"),
        (["--conditional", "true", "--critic.name", "cones"], "critic.name cones takes no labels"),
        (["--generator.name", "biggan"], "generator.name biggan needs labels"),
    ],
    "evaluate": [
        (["--step", "first"], "step number, best or last"),
        (["--step", "-1"], "step"),
        (["--workdir", "/nonexistent"], "no run directory"),
        (["--workdir", ""], "--workdir: a path must not be empty"),
        (["--preset", "digits"], "--preset"),
    ],
    "interpolate": [
        (["--output", "x", "--kinds", "strips"], "classes"),
        (["--output", "x", "--rows", "many"], "rows"),
        (["--output", "x", "--workdir", "/nonexistent"], "no run directory"),
        (["--rows", "2"], "--output"),
    ],
    "sweep": [
        ([], "--space is needed: a JSON file, or penalty, "),
        (["--space", "penalti"], "did you mean 'penalty'"),
        (["--space", "missing.json"], "missing.json"),
        (["--space", "penalty", "--trials", "0"], "--trials: must be in 1 .. 1,000,000"),
        (["--space", "penalty", "--trials", "99", "--sampler", "grid"], "the space has 24 trials"),
        (["--space", "penalty", "--sampler", "tpe"], "--trials is needed"),
        (["--space", "penalty", "--sampler", "bayes"], "allowed: grid, random, tpe"),
        (["--space", "penalty", "--backend", "pbs"], "allowed: local, ray, slurm"),
        (["--space", "penalty", "--slurm_minutes", "4"], "--slurm_minutes: must be in 5 .."),
        (["--space", "penalty", "--slurm_options", "mine"], "OPTION=VALUE, got 'mine'"),
        (["--space", "penalty", "--rank_by", "fid"], "--features inception:FILE"),
        (["--space", "penalty", "--rank_by", "lipschitz"], "w1_debiased"),
        (["--space", "penalty", "--rank_by", "modes"], "digits is no mixture"),
        (["--space", "penalty", "--seconds", "0"], "--seconds: must be in 1e-09 .. 1,000,000,000"),
        (["--space", "penalty", "--steps", "0"], "steps must be in 1 .."),
        (["--space", "penalty", "--preset", "digit"], "did you mean 'digits'"),
    ],
    "sample": [
        (["--output", "x.jpg"], ".png or .npz"),
        (["--count", "64"], "--output"),
        (["--output", "x.png", "--count", "0"], "count"),
        (["--output", "x.png", "--count", "few"], "count"),
        (["--output", "x.png", "--interpolate", "1"], "interpolate"),
        (["--output", ""], "--output: a path must not be empty"),
        (["--output", "x.png", "--uint8"], "--uint8 goes with an --output that ends in .npz"),
        (["--output", "samples", "--interpolate", "4"], "--interpolate goes with a .png file"),
        (["--output", "samples", "--workdir", "/nonexistent"], "no run directory"),
    ],
    "export": [
        (["--output", "x.bin"], ".stablehlo or .safetensors or .npz"),
        (["--output", "x.npz", "--format", "onnx"], "allowed: npz, safetensors, stablehlo"),
        (["--output", "x.npz", "--format", "stablehlo"], "--output must end in .stablehlo"),
        (["--output", "x.npz", "--step", "first"], "step number, best or last"),
        (["--output", "x.npz", "--workdir", "/nonexistent"], "no run directory"),
        (["--format", "npz"], "--output"),
    ],
}
CASES = [(name, flags, hint) for name, cases in BAD.items() for flags, hint in cases]


def check(status, out, err, hint):
    assert status == 2, err
    assert "Traceback" not in err and out == ""
    lines = err.strip().splitlines()
    assert 1 <= len(lines) <= 3, err
    assert lines[0].startswith("error: ")
    assert hint in err


@pytest.mark.parametrize(("name", "flags", "hint"), CASES, ids=lambda v: " ".join(v) if v else "")
def test_a_mistake_is_named_in_a_line(tmp_path, name, flags, hint):
    workdir = [] if "--workdir" in flags else ["--workdir", tmp_path / "run"]
    check(*call(name, *workdir, *flags), hint)


def test_workdir_is_required():
    for name in BAD:
        check(*call(name), "--workdir")


def processor_seconds(run):
    """Processor time of the processes that `run` starts and waits for."""

    def children():
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    before = children()
    run()
    return children() - before


@pytest.mark.slow
def test_a_real_process_refuses_soon_after_its_imports(tmp_path):
    imports = [sys.executable, "-c", "import experiments.train"]
    imported = processor_seconds(lambda: subprocess.run(imports, cwd=ROOT, check=True))
    flags = ["--workdir", tmp_path, "--steps", "many"]
    refused = processor_seconds(lambda: check(*finish(start("train", *flags)), "steps"))
    assert refused - imported < 3


@pytest.mark.parametrize("name", BAD)
def test_help_names_every_flag_with_its_meaning(name):
    status, out, err = call(name, "--help")
    assert status == 0 and err == ""
    assert "--workdir DIR" in out and f"experiments.{name} --" in out
    if name == "train":
        from gan import config

        for field in config.flatten(config.Config()):
            assert f"--{field} " in out, field
        assert re.search(r"^  --penalty_weight 10\.0 +Weight of the penalty", out, re.MULTILINE)
