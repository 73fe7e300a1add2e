"""A small GAN in PyTorch on digits, as the guide docs/guides/judge_your_gan.md judges it: writes
fake.npy, real.npy, train.npy and critic.npz into a folder.

    python -m results.referee.torch_gan FOLDER
"""

import sys
from pathlib import Path

import numpy as np
import torch

from gan import config, data

STEPS = 6000


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


def main(folder: str) -> None:
    """Train for STEPS and write the arrays."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    source = data.load(config.Data(name="digits"))
    sets = [source.examples(split)[0] for split in ("train", "test")]
    train, real = (torch.as_tensor(part.transpose(0, 3, 1, 2)) for part in sets)
    players = Torch(train, STEPS)
    with torch.no_grad():
        fake = torch.cat([players.generator(torch.randn(100, 32)) for _ in range(20)])
    for name, array in (("fake", fake), ("real", real), ("train", train)):
        np.save(place / f"{name}.npy", array)
    fake.requires_grad_()
    f_fake = players.critic(fake).squeeze(1)
    (gradients,) = torch.autograd.grad(f_fake.sum(), fake)
    with torch.no_grad():
        f_real = players.critic(real).squeeze(1)
    np.savez(place / "critic.npz", real=f_real, fake=f_fake.detach(), gradients=gradients)


if __name__ == "__main__":
    main(sys.argv[1])
