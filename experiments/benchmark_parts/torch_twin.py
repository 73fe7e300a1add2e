"""The same training in PyTorch (extra: bench), written to be as fast as eager PyTorch is.

The gradient penalty needs a double backward pass, which torch.compile refuses, so it runs eagerly.
Parameters are read from ours, so that both sides can be shown to compute the same losses.
"""

import time

import numpy as np
import torch
from torch import nn

from experiments.benchmark_parts import workloads
from gan.config import Config
from gan.errors import UserError


class Torch:
    """One mode of the peer: "eager" or "channels_last"."""

    def __init__(self, mode: str, name: str):
        if mode not in ("eager", "channels_last"):
            raise UserError(f"mode must be eager or channels_last, got {mode!r}")
        self.choice = workloads.of(name)
        torch.manual_seed(0)
        self.dataset = workloads.dataset(self.choice)
        self.image = len(self.dataset.shape) == 3
        self.format = torch.channels_last if mode == "channels_last" else torch.contiguous_format
        if mode == "channels_last" and not self.image:
            raise UserError("channels_last is for images")
        self.generator, self.critic = players(self.choice, self.dataset.shape)
        self.average = [p.detach().clone() for p in self.generator.parameters()]
        if self.image:
            for player in (self.generator, self.critic):
                player.to(memory_format=self.format)
            pixels, _ = self.dataset.read(None)
            self.pixels = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
        betas = (self.choice.beta1, self.choice.beta2)
        self.optimizers = {
            player: torch.optim.Adam(getattr(self, player).parameters(), rate, betas)
            for player, rate in (
                ("generator", self.choice.generator_learning_rate),
                ("critic", self.choice.critic_learning_rate),
            )
        }
        self.step = 0
        self.about = {"threads": torch.get_num_threads()}

    def run(self, seconds: float) -> dict:
        """Iterations for about `seconds`."""
        start, first = time.perf_counter(), self.step
        while time.perf_counter() - start < seconds:
            self.iteration(self.drawn)
        return {"iterations": self.step - first, "seconds": time.perf_counter() - start}

    def round(self, path: str) -> dict:
        """Losses of one iteration from the weights and inputs in `path`."""
        with np.load(path) as file:
            arrays = dict(file)
        for player in ("generator", "critic"):
            load(getattr(self, player), arrays, player, self.dataset.shape)
        self.average = [p.detach().clone() for p in self.generator.parameters()]

        def given(i):
            if i is None:
                return None, torch.from_numpy(arrays["z"]), None
            real = torch.from_numpy(arrays[f"real {i}"])
            if self.image:
                real = real.permute(0, 3, 1, 2).contiguous(memory_format=self.format)
            t = torch.from_numpy(arrays[f"t {i}"]).reshape(-1, *[1] * (real.ndim - 1))
            return real, torch.from_numpy(arrays[f"z {i}"]), t

        metrics = self.iteration(given)
        return {name: float(value) for name, value in metrics.items()}

    def drawn(self, i):
        """Inputs of critic step i, or the latents of the generator step for None."""
        size = self.choice.batch_size
        z = torch.randn(size, self.choice.latent_dim)
        if i is None:
            return None, z, None
        if self.image:
            rows = torch.randint(len(self.pixels), (size,))
            real = (self.pixels[rows].float() - 127.5) / 127.5
            real = real.contiguous(memory_format=self.format)
        else:
            modes = self.dataset.modes
            centers = torch.from_numpy(np.asarray(modes.centers))
            real = centers[torch.randint(len(centers), (size,))]
            real = real + modes.sigma * torch.randn(size, 2)
        return real, z, torch.rand(size, *[1] * (real.ndim - 1))

    def iteration(self, inputs) -> dict:
        """n_critic critic steps and one generator step; the losses as scalars."""
        choice = self.choice
        losses = {"critic_loss": 0.0, "penalty": 0.0, "w1_estimate_batch": 0.0}
        for i in range(choice.n_critic):
            real, z, t = inputs(i)
            with torch.no_grad():
                fake = self.generator(z)
            estimate = self.critic(real).mean() - self.critic(fake).mean()
            between = (t * real + (1 - t) * fake).requires_grad_(True)
            (gradient,) = torch.autograd.grad(
                self.critic(between).sum(), between, create_graph=True
            )
            slopes = gradient.flatten(1).norm(dim=1)
            penalty = ((slopes - choice.penalty_target) ** 2).mean()
            loss = choice.penalty_weight * penalty - estimate
            self.optimizers["critic"].zero_grad(set_to_none=True)
            loss.backward()
            self.optimizers["critic"].step()
            for name, value in zip(losses, (loss, penalty, estimate), strict=True):
                losses[name] += value.detach() / choice.n_critic
        _, z, _ = inputs(None)
        loss = -self.critic(self.generator(z)).mean()
        parameters = list(self.generator.parameters())
        gradients = torch.autograd.grad(loss, parameters)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        self.optimizers["generator"].step()
        decay = min(choice.ema_decay, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(self.average, [p.detach() for p in parameters], 1 - decay)
        self.step += 1
        return losses | {"generator_loss": loss.detach()}


class _Reshape(nn.Module):
    def __init__(self, *shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        return x.reshape(len(x), *self.shape)


def players(choice: Config, shape) -> tuple[nn.Module, nn.Module]:
    """Generator and critic of a config, layer by layer as ours are.

    Raises:
        UserError: for a network that has no twin.
    """
    if {choice.generator.name, choice.critic.name} == {"mlp"} and len(shape) == 1:
        return (
            _mlp(choice.generator, choice.latent_dim, shape[0]),
            nn.Sequential(*_mlp(choice.critic, shape[0], 1), _Reshape()),
        )
    if {choice.generator.name, choice.critic.name} == {"dcgan"}:
        return _dcgan(choice, shape)
    raise UserError(f"no PyTorch twin of {choice.generator.name} and {choice.critic.name}")


def _activation(name: str) -> nn.Module:
    return {"relu": nn.ReLU(), "leaky_relu": nn.LeakyReLU(0.2), "tanh": nn.Tanh()}[name]


def _mlp(spec, inputs: int, outputs: int) -> nn.Sequential:
    widths = [inputs] + [spec.width] * spec.depth
    layers = []
    for a, b in zip(widths, widths[1:], strict=False):
        layers += [nn.Linear(a, b), _activation(spec.activation)]
    return nn.Sequential(*layers, nn.Linear(widths[-1], outputs))


def _dcgan(choice: Config, shape) -> tuple[nn.Module, nn.Module]:
    side, channels = smallest(shape), shape[2]
    levels = int(np.log2(shape[0] // side))
    widths = [choice.critic.width * 2**level for level in range(levels)]
    down, before = [], channels
    for width in widths:
        down += [nn.Conv2d(before, width, 4, 2, 1), _activation(choice.critic.activation)]
        before = width
    critic = nn.Sequential(*down, nn.Flatten(), nn.Linear(side * side * before, 1), _Reshape())
    up = [nn.Linear(choice.latent_dim, side * side * before)]
    up += [_Reshape(before, side, side), _activation(choice.generator.activation)]
    for width in reversed(widths[:-1]):
        up += [nn.ConvTranspose2d(before, width, 4, 2, 1)]
        up += [_activation(choice.generator.activation)]
        before = width
    generator = nn.Sequential(*up, nn.ConvTranspose2d(before, channels, 4, 2, 1), nn.Tanh())
    return generator, critic


def smallest(shape) -> int:
    """Side of the image that is left when a side above 4 is halved while it is even."""
    side = shape[0]
    while side % 2 == 0 and side > 4:
        side //= 2
    return side


def load(player: nn.Module, arrays: dict[str, np.ndarray], name: str, shape) -> None:
    """Copies our parameters, given by path, into the twin `name` ("generator" or "critic").

    Raises:
        ValueError: if the layers do not correspond.
    """
    layers = [m for m in player if isinstance(m, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)]
    ours = sorted({path.split("/")[1] for path in arrays if path.startswith(f"{name}/")})
    kinds = {
        kind: iter(
            sorted((p for p in ours if p.startswith(kind)), key=lambda p: int(p.split("_")[-1]))
        )
        for kind in ("Dense", "_Convolution")
    }
    used = 0
    with torch.no_grad():
        for layer in layers:
            dense = isinstance(layer, nn.Linear)
            own = next(kinds["Dense" if dense else "_Convolution"], None)
            if own is None:
                raise ValueError(f"the {name} has no parameters for {layer}")
            kernel, bias = (arrays[f"{name}/{own}/{part}"] for part in ("kernel", "bias"))
            if dense and len(shape) == 3:
                kernel, bias = _channels_first(kernel, bias, name, smallest(shape))
            weight = kernel.T if dense else kernel.transpose(3, 2, 0, 1)
            if tuple(layer.weight.shape) != weight.shape:
                raise ValueError(f"{own} is {weight.shape}, the twin has {layer.weight.shape}")
            layer.weight.copy_(torch.from_numpy(np.ascontiguousarray(weight)))
            layer.bias.copy_(torch.from_numpy(np.ascontiguousarray(bias)))
            used += 1
    if used != len(ours):
        raise ValueError(f"the {name} has {len(ours)} layers, the twin {used}")


def _channels_first(kernel, bias, name, side):
    """Reorders the pixels of a dense layer from height, width, channels to channels first."""
    if name == "generator":
        grid = (side, side, kernel.shape[1] // side**2)
        kernel = kernel.reshape(-1, *grid).transpose(0, 3, 1, 2).reshape(len(kernel), -1)
        return kernel, bias.reshape(grid).transpose(2, 0, 1).reshape(-1)
    grid = (side, side, kernel.shape[0] // side**2)
    return kernel.reshape(*grid, -1).transpose(2, 0, 1, 3).reshape(-1, kernel.shape[1]), bias
