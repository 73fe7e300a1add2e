"""The guides run as they stand."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch

from gan import config, data
from tests.experiments.commands import call

GUIDES = Path(__file__).parent.parent / "docs"


def blocks(name: str) -> list[tuple[str, str]]:
    """The fenced blocks of a guide: language and text."""
    return re.findall(r"```(\w+)\n(.*?)```", (GUIDES / name).read_text(), flags=re.DOTALL)


class Torch:
    """A small GAN of somebody else's, in PyTorch: channels first, values from -1 to 1."""

    def __init__(self, train: torch.Tensor, steps: int):
        torch.manual_seed(0)
        layers, relu = torch.nn.Linear, torch.nn.LeakyReLU(0.2)
        self.generator = torch.nn.Sequential(
            layers(32, 128),
            relu,
            layers(128, 64),
            torch.nn.Tanh(),
            torch.nn.Unflatten(1, (1, 8, 8)),
        )
        self.critic = torch.nn.Sequential(
            torch.nn.Flatten(), layers(64, 128), relu, layers(128, 128), relu, layers(128, 1)
        )
        players = [
            torch.optim.Adam(part.parameters(), 1e-3, betas=(0.5, 0.9))
            for part in (self.generator, self.critic)
        ]
        for step in range(steps):
            real = train[torch.randint(len(train), (64,))]
            fake = self.generator(torch.randn(64, 32))
            if step % 3:
                loss = self.critic(fake.detach()).mean() - self.critic(real).mean()
                loss = loss + 10 * self.penalty(real, fake.detach())
            else:
                loss = -self.critic(fake).mean()
            chosen = players[1 if step % 3 else 0]
            chosen.zero_grad()
            loss.backward()
            chosen.step()

    def penalty(self, real, fake):
        t = torch.rand(len(real), 1, 1, 1)
        points = (t * real + (1 - t) * fake).requires_grad_()
        (slopes,) = torch.autograd.grad(self.critic(points).sum(), points, create_graph=True)
        return ((slopes.flatten(1).norm(dim=1) - 1) ** 2).mean()


@pytest.fixture(scope="module")
def players():
    source = data.load(config.Data(name="digits"))
    sets = [source.examples(split)[0] for split in ("train", "test")]
    train, real = (torch.as_tensor(part.transpose(0, 3, 1, 2)) for part in sets)
    return Torch(train, steps=600), real, train


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
