"""Our players in PyTorch (extra: bench): same layers, and parameters read from ours.

Every layer with parameters knows the path of ours that it corresponds to, and `load` copies them.
Images are [b, c, h, w] here.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from gan.config import Config, Network
from gan.errors import UserError


def players(choice: Config, shape, merged: bool = False) -> tuple[nn.Module, nn.Module]:
    """Generator and critic of a config, layer by layer as ours are.

    Args:
        choice: the config; both players have the same architecture.
        shape: of one example, ours: [h, w, c] or [d].
        merged: for a resnet, resampling and its convolution as one, see `_TwinConvolution`.

    Raises:
        UserError: for a network that has no twin.
    """
    names = {choice.generator.name, choice.critic.name}
    if names == {"mlp"} and len(shape) == 1:
        return (
            _mlp(choice.generator, choice.latent_dim, shape[0]),
            nn.Sequential(*_mlp(choice.critic, shape[0], 1), _Reshape()),
        )
    if names == {"dcgan"}:
        return _dcgan(choice, shape)
    if names == {"resnet"} and shape[0] <= 32 and choice.critic.normalization == "none":
        return _resnet(choice, shape, merged)
    raise UserError(f"no PyTorch twin of {choice.generator.name} and {choice.critic.name}")


def load(player: nn.Module, arrays: dict[str, np.ndarray], name: str) -> None:
    """Copies our parameters into the twin `name` ("generator" or "critic").

    Args:
        player: from `players`.
        arrays: our parameters by path, as in "critic/Dense_0/kernel".
        name: which player.

    Raises:
        ValueError: if the layers do not correspond.
    """
    ours = {path.rsplit("/", 1)[0] for path in arrays if path.startswith(f"{name}/")}
    layers = {f"{name}/{m.path}": m for m in player.modules() if hasattr(m, "path")}
    if ours != set(layers):
        raise ValueError(f"no counterpart of {', '.join(sorted(ours ^ set(layers)))}")
    with torch.no_grad():
        for path, layer in layers.items():
            own = "scale" if isinstance(layer, nn.BatchNorm2d) else "kernel"
            weight, bias = arrays[f"{path}/{own}"], arrays[f"{path}/bias"]
            if isinstance(layer, nn.Linear):
                if layer.side:
                    weight, bias = _channels_first(weight, bias, name, layer.side)
                weight = weight.T
            elif weight.ndim == 4:
                weight = weight.transpose(3, 2, 0, 1)
            if tuple(layer.weight.shape) != weight.shape:
                raise ValueError(f"{path} is {weight.shape}, the twin has {layer.weight.shape}")
            layer.weight.copy_(torch.from_numpy(np.array(weight)))
            layer.bias.copy_(torch.from_numpy(np.array(bias)))


def smallest(shape) -> int:
    """Side of the image that is left when a side above 4 is halved while it is even."""
    side = shape[0]
    while side % 2 == 0 and side > 4:
        side //= 2
    return side


def _channels_first(kernel, bias, name, side):
    """Reorders the pixels of a dense layer from height, width, channels to channels first."""
    if name == "generator":
        grid = (side, side, kernel.shape[1] // side**2)
        kernel = kernel.reshape(-1, *grid).transpose(0, 3, 1, 2).reshape(len(kernel), -1)
        return kernel, bias.reshape(grid).transpose(2, 0, 1).reshape(-1)
    grid = (side, side, kernel.shape[0] // side**2)
    return kernel.reshape(*grid, -1).transpose(2, 0, 1, 3).reshape(-1, kernel.shape[1]), bias


def _at(path: str, layer: nn.Module, side: int = 0) -> nn.Module:
    """The layer, with the path of ours; `side` of the image that a dense layer makes or reads."""
    layer.path, layer.side = path, side
    return layer


class _Reshape(nn.Module):
    def __init__(self, *shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        return x.reshape(len(x), *self.shape)


def _activation(name: str) -> nn.Module:
    return {"relu": nn.ReLU(), "leaky_relu": nn.LeakyReLU(0.2), "tanh": nn.Tanh()}[name]


def _mlp(spec: Network, inputs: int, outputs: int) -> nn.Sequential:
    widths = [inputs, *[spec.width] * spec.depth, outputs]
    layers = []
    for i, (a, b) in enumerate(zip(widths, widths[1:], strict=False)):
        layers += [_at(f"Dense_{i}", nn.Linear(a, b)), _activation(spec.activation)]
    return nn.Sequential(*layers[:-1])


def _dcgan(choice: Config, shape) -> tuple[nn.Module, nn.Module]:
    side, channels = smallest(shape), shape[2]
    levels = int(np.log2(shape[0] // side))
    widths = [choice.critic.width * 2**level for level in range(levels)]
    down, before = [], channels
    for i, width in enumerate(widths):
        down += [_at(f"_Convolution_{i}", nn.Conv2d(before, width, 4, 2, 1))]
        down += [_activation(choice.critic.activation)]
        before = width
    dense = _at("Dense_0", nn.Linear(side * side * before, 1), side)
    critic = nn.Sequential(*down, nn.Flatten(), dense, _Reshape())
    up = [_at("Dense_0", nn.Linear(choice.latent_dim, side * side * before), side)]
    up += [_Reshape(before, side, side), _activation(choice.generator.activation)]
    for i, width in enumerate([*reversed(widths[:-1]), channels]):
        up += [_at(f"_Convolution_{i}", nn.ConvTranspose2d(before, width, 4, 2, 1))]
        up += [_activation(choice.generator.activation)]
        before = width
    return nn.Sequential(*up[:-1], nn.Tanh()), critic


class _TwinConvolution(nn.Conv2d):
    """3 x 3 convolution, "plain", before means of 2 x 2 ("halve") or after repetition ("double").

    With `merged` the resampled ones are a single convolution of stride 2 with the 4 x 4 kernel that
    averages four shifts of the 3 x 3 one, or the adjoint of such a convolution, as ours are.
    """

    def __init__(self, path: str, inputs: int, outputs: int, mode: str, merged: bool):
        super().__init__(inputs, outputs, 3, padding=1)
        self.path, self.mode, self.merged = path, mode, merged

    def forward(self, x):
        if self.mode == "plain":
            return super().forward(x)
        if not self.merged:
            if self.mode == "halve":
                return functional.avg_pool2d(super().forward(x), 2)
            return super().forward(functional.interpolate(x, scale_factor=2, mode="nearest"))
        mean = functional.avg_pool2d(functional.pad(self.weight, (1, 1, 1, 1)), 2, stride=1)
        if self.mode == "halve":
            return functional.conv2d(x, mean, self.bias, stride=2, padding=1)
        adjoint = 4 * mean.flip(2, 3).transpose(0, 1)
        return functional.conv_transpose2d(x, adjoint, self.bias, stride=2, padding=1)


class _TwinBlock(nn.Module):
    """gan.networks.resnet's blocks; `first` leaves out the nonlinearity on the pixels."""

    MODES = {"double": ("double", "plain"), "halve": ("plain", "halve"), "plain": ("plain",) * 2}

    def __init__(self, path, spec: Network, inputs: int, mode: str, merged: bool, first=False):
        super().__init__()
        width = spec.width
        between = width if mode == "double" or first else inputs
        self.mode = mode
        self.before = nn.Identity() if first else _finish(f"{path}/LayerNorm_0", spec, inputs)
        self.between = _finish(f"{path}/LayerNorm_1", spec, between)
        one, two = self.MODES[mode]
        self.one = _TwinConvolution(f"{path}/Convolution_0", inputs, between, one, merged)
        self.two = _TwinConvolution(f"{path}/Convolution_1", between, width, two, merged)
        if mode != "plain":
            self.shortcut = _at(f"{path}/Convolution_2", nn.Conv2d(inputs, width, 1))

    def forward(self, x):
        h = self.two(self.between(self.one(self.before(x))))
        if self.mode == "plain":
            return x + h
        if self.mode == "halve":
            return h + self.shortcut(functional.avg_pool2d(x, 2))
        return h + functional.interpolate(self.shortcut(x), scale_factor=2, mode="nearest")


def _finish(path: str, spec: Network, channels: int) -> nn.Module:
    if spec.normalization == "none":
        return _activation(spec.activation)
    if spec.normalization != "batch":
        raise UserError(f"no PyTorch twin of normalization {spec.normalization}")
    norm = nn.BatchNorm2d(channels, eps=1e-6, track_running_stats=False)
    return nn.Sequential(_at(path, norm), _activation(spec.activation))


def _resnet(choice: Config, shape, merged: bool) -> tuple[nn.Module, nn.Module]:
    side, channels = smallest(shape), shape[2]
    levels = int(np.log2(shape[0] // side))
    spec, width = choice.generator, choice.generator.width
    up = [_at("Dense_0", nn.Linear(choice.latent_dim, side * side * width), side)]
    up += [_Reshape(width, side, side)]
    up += [_TwinBlock(f"_Block_{i}", spec, width, "double", merged) for i in range(levels)]
    up += [_finish("LayerNorm_0", spec, width)]
    up += [_TwinConvolution("Convolution_0", width, channels, "plain", merged), nn.Tanh()]
    spec, width = choice.critic, choice.critic.width
    down = [_TwinBlock("_First_0", spec, channels, "halve", merged, first=True)]
    for i, mode in enumerate(["halve"] * (min(levels, 2) - 1) + ["plain"] * 2):
        down += [_TwinBlock(f"_Block_{i}", spec, width, mode, merged)]
    down += [_activation(spec.activation), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    critic = nn.Sequential(*down, _at("Dense_0", nn.Linear(width, 1)), _Reshape())
    return nn.Sequential(*up), critic
