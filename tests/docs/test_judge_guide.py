"""The guide about judging a GAN of PyTorch runs as it stands."""

import json
import re
import shlex

import numpy as np
import pytest

from gan import config, data
from tests.conftest import ROOT
from tests.experiments.commands import call

torch = pytest.importorskip("torch", reason="torch is not installed (extra: bench)")

GUIDES = ROOT / "docs" / "guides"


def blocks(name: str) -> list[tuple[str, str]]:
    """The fenced blocks of a guide: language and text."""
    return re.findall(r"```(\w+)\n(.*?)```", (GUIDES / name).read_text(), flags=re.DOTALL)


@pytest.fixture(scope="module")
def players():
    source = data.load(config.Data(name="digits"))
    sets = [source.examples(split)[0] for split in ("train", "test")]
    train, real = (torch.as_tensor(part.transpose(0, 3, 1, 2)) for part in sets)
    from results.referee.torch_gan import Torch

    return Torch(train, steps=600), real, train


@pytest.mark.slow
def test_a_gan_of_pytorch_is_judged_by_the_guide(players, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    model, real, train = players
    names = {"generator": model.generator, "critic": model.critic, "real": real, "train": train}
    commands = 0
    for language, text in blocks("judge_your_gan.md"):
        if language == "python":
            assert len(text.strip().splitlines()) < 20
            exec(compile(text, "guide", "exec"), names)
            continue
        command, _, module, *arguments = shlex.split(text.replace("\\\n", " "))
        assert (command, module) == ("python", "experiments.referee")
        if "old=old.npz" in arguments:
            for name in ("old", "new"):
                np.savez(f"{name}.npz", names["fake"].detach().numpy())
            arguments[arguments.index("photos/")] = "real.npy"
        status, out, err = call("referee", *arguments)
        assert status == 0, err
        commands += 1
        if commands == 1:
            assert "Can be told from real examples" in out
    assert commands == 3
    (found,) = json.loads((tmp_path / "verdict" / "referee.json").read_text())["generators"]
    assert found["critic"]["share"] < 1
    assert -1 <= found["critic"]["gradient_cosine"] <= 1
    assert found["critic"]["lipschitz"] > 0.1
    assert "debiased" in capsys.readouterr().out or found["w1_debiased"] > 0
