"""The same training in PyTorch (extra: bench), written to be as fast as eager PyTorch is.

The gradient penalty needs a double backward pass, which torch.compile refuses, so it runs eagerly.
Parameters are read from ours, so that both sides can be shown to compute the same losses. On a GPU,
where PyTorch sees one, it multiplies in TF32 as XLA does, unless full products are asked for. In
bfloat16 it casts as torch.autocast does. The first losses are of full float32.
"""

import time

import numpy as np
import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn

from gan.benchmarks import workloads
from gan.benchmarks.torch_players import load, players
from gan.config import Config
from gan.errors import UserError


class Torch:
    """One mode of the peer, of workloads.modes(choice)."""

    def __init__(self, mode: str, choice: Config, full: bool = False):
        self.choice, self.rounded, self.low = choice, not full, choice.precision == "bfloat16"
        if mode not in workloads.modes(choice):
            allowed = ", ".join(workloads.modes(choice))
            raise UserError(f"the modes of this workload are {allowed}; got {mode!r}")
        torch.manual_seed(0)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        _round_products(self.rounded)
        self.dataset = workloads.dataset(self.choice)
        self.image = len(self.dataset.shape) == 3
        last = mode.endswith("channels_last")
        self.format = torch.channels_last if last else torch.contiguous_format
        merged = mode.startswith("merged")
        self.generator, self.critic = players(self.choice, self.dataset.shape, merged)
        for player in (self.generator, self.critic):
            player.to(self.device)
        self.average = [p.detach().clone() for p in self.generator.parameters()]
        if self.image:
            for player in (self.generator, self.critic):
                player.to(memory_format=self.format)
            pixels, _ = self.dataset.read(None)
            self.pixels = self.tensor(pixels).permute(0, 3, 1, 2).contiguous()
        betas = (self.choice.beta1, self.choice.beta2)
        self.optimizers = {
            player: torch.optim.Adam(getattr(self, player).parameters(), rate, betas, fused=True)
            for player, rate in (
                ("generator", self.choice.generator_learning_rate),
                ("critic", self.choice.critic_learning_rate),
            )
        }
        self.step = 0
        self.about = {"threads": torch.get_num_threads(), "device": self.device.type}

    def generated(self, z: torch.Tensor) -> torch.Tensor:
        """Examples in float32, in bfloat16 inside where that is asked for."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.low):
            return self.generator(z).float()

    def score(self, x: torch.Tensor) -> torch.Tensor:
        """Scores in float32, likewise."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.low):
            return self.critic(x).float()

    def tensor(self, array: np.ndarray) -> torch.Tensor:
        """An array where the players are."""
        return torch.from_numpy(array).to(self.device)

    def run(self, seconds: float) -> dict:
        """Iterations for about `seconds`."""
        start, first = time.perf_counter(), self.step
        while time.perf_counter() - start < seconds:
            self.iteration(self.drawn)
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return {"iterations": self.step - first, "seconds": time.perf_counter() - start}

    def first_losses(self, path: str) -> dict:
        """Losses of one iteration from the weights and inputs in `path`."""
        with np.load(path) as file:
            arrays = dict(file)
        for player in ("generator", "critic"):
            load(getattr(self, player), arrays, player)
        self.average = [p.detach().clone() for p in self.generator.parameters()]

        def kept(i):
            if i is None:
                return None, self.tensor(arrays["z"]), None
            real = self.tensor(arrays[f"real {i}"])
            if self.image:
                real = real.permute(0, 3, 1, 2).contiguous(memory_format=self.format)
            t = self.tensor(arrays[f"t {i}"]).reshape(-1, *[1] * (real.ndim - 1))
            return real, self.tensor(arrays[f"z {i}"]), t

        _round_products(False)
        low, self.low = self.low, False
        metrics = self.iteration(kept)
        _round_products(self.rounded)
        self.low = low
        return {name: float(value) for name, value in metrics.items()}

    def drawn(self, i):
        """Inputs of critic step i, or the latents of the generator step for None."""
        size = self.choice.batch_size
        here = {"device": self.device}
        z = torch.randn(size, self.choice.latent_dim, **here)
        if i is None:
            return None, z, None
        if self.image:
            rows = torch.randint(len(self.pixels), (size,), **here)
            real = (self.pixels[rows].float() - 127.5) / 127.5
            real = real.contiguous(memory_format=self.format)
        else:
            modes = self.dataset.modes
            centers = self.tensor(np.asarray(modes.centers))
            real = centers[torch.randint(len(centers), (size,), **here)]
            real = real + modes.sigma * torch.randn(size, 2, **here)
        return real, z, torch.rand(size, *[1] * (real.ndim - 1), **here)

    def iteration(self, inputs) -> dict:
        """n_critic critic steps and one generator step; the losses as scalars."""
        choice = self.choice
        losses = {"critic_loss": 0.0, "penalty": 0.0, "w1_estimate_batch": 0.0}
        for i in range(choice.n_critic):
            real, z, t = inputs(i)
            with torch.no_grad():
                fake = self.generated(z)
            estimate = self.score(real).mean() - self.score(fake).mean()
            between = (t * real + (1 - t) * fake).requires_grad_(True)
            (gradient,) = torch.autograd.grad(self.score(between).sum(), between, create_graph=True)
            slopes = gradient.flatten(1).norm(dim=1)
            penalty = ((slopes - choice.penalty_target) ** 2).mean()
            loss = choice.penalty_weight * penalty - estimate
            self.optimizers["critic"].zero_grad(set_to_none=True)
            loss.backward()
            self.optimizers["critic"].step()
            for name, value in zip(losses, (loss, penalty, estimate), strict=True):
                losses[name] += value.detach() / choice.n_critic
        _, z, _ = inputs(None)
        loss = -self.score(self.generated(z)).mean()
        parameters = list(self.generator.parameters())
        gradients = torch.autograd.grad(loss, parameters)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        self.optimizers["generator"].step()
        decay = min(choice.ema_decay, (1 + self.step) / (10 + self.step))
        averaged = get_ema_multi_avg_fn(decay)
        averaged(self.average, [p.detach() for p in parameters], None)
        self.step += 1
        return losses | {"generator_loss": loss.detach()}


def _round_products(allowed: bool) -> None:
    """Whether a GPU may multiply in TF32; nothing on a CPU."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed
