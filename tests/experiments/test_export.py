"""What is exported runs by the code of its card, in a process that has no gan."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.experiments.commands import TINY, finish, start

KINDS = {
    "plain": [],
    "convolutional": ["--generator.name", "resnet", "--generator.width", 16],
    "conditional": ["--conditional", "true"],
}
NO_GAN = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("gan", "experiments", "flax", "optax", "orbax"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
"""
KEPT = """
import numpy
kept = {name: globals()[name] for name in ("images", "parameters") if name in globals()}
numpy.savez("kept.npz", **kept)
"""
SAMPLED = """
import numpy
from gan import runner
sampler = runner.load(sys.argv[1])
given = [sampler.latents(0, 64)]
if sampler.class_names:
    given.append(numpy.arange(64, dtype=numpy.int32) % len(sampler.class_names))
images = sampler(*given)
"""


def executed(code, folder, *arguments):
    """What a process of its own that runs the code there has in the end."""
    environment = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS"}
    command = [sys.executable, "-c", f"import sys\n{code}\n{KEPT}", *arguments]
    if code.startswith(NO_GAN):
        command.insert(1, "-I")
    else:
        environment["PYTHONPATH"] = str(ROOT)
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return np.load(folder / "kept.npz", allow_pickle=True)


def code_of(card):
    return re.findall(r"```python\n(.*?)\n```", card.read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A function from a kind to the directory of a run of it."""
    folders = {}

    def train(kind):
        if kind not in folders:
            folders[kind] = tmp_path_factory.mktemp(kind) / "run"
            flags = ["--preset", "digits", *TINY, "--steps", 2, "--metrics", "w1", *KINDS[kind]]
            ended = finish(start("train", "--workdir", folders[kind], *flags))
            assert ended[0] == 0, ended[2]
        return str(folders[kind])

    return train


def exported(workdir, folder, format):
    folder.mkdir()
    status, out, err = finish(
        start("export", "--workdir", workdir, "--output", folder / f"x.{format}")
    )
    assert status == 0, err
    return folder / f"x.{format}.md"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_program_alone_makes_the_bits_of_the_sampler(trained, tmp_path, kind):
    workdir = trained(kind)
    (code,) = code_of(exported(workdir, tmp_path / "empty", "stablehlo"))
    found = executed(NO_GAN + code, tmp_path / "empty")["images"]
    expected = executed(SAMPLED, tmp_path, workdir)["images"]
    assert found.shape == (64, 8, 8, 1) and found.dtype == np.float32 and found.std() > 0
    np.testing.assert_array_equal(found, expected)


@pytest.mark.slow
def test_parameters_are_read_without_gan_and_sampled_with_it(trained, tmp_path):
    workdir = trained("conditional")
    expected = executed(SAMPLED, tmp_path, workdir)["images"]
    alone, with_gan = code_of(exported(workdir, tmp_path / "a", "safetensors"))
    parameters = executed(NO_GAN + alone, tmp_path / "a")["parameters"].item()
    np.testing.assert_array_equal(executed(with_gan, tmp_path / "a")["images"], expected)
    (alone,) = code_of(exported(workdir, tmp_path / "b", "npz"))
    same = executed(NO_GAN + alone, tmp_path / "b")["parameters"].item()
    assert parameters.keys() == same.keys() and len(same) >= 4
    for name in same:
        np.testing.assert_array_equal(parameters[name], same[name])


def test_the_absent_are_absent(tmp_path):
    code = "try:\n    import gan\nexcept ModuleNotFoundError:\n    images = 1"
    assert executed(NO_GAN + code, tmp_path)["images"] == 1
    assert ROOT.joinpath("gan").is_dir()
