"""The timed workloads: a config each, data that need no download, and stated counts of flops.

Counts are of multiplications and additions in matrix products and convolutions, two flops each,
nothing else. With C for the critic's forward pass and G for the generator's, one example each:

- a critic step with a slope penalty on interpolates: G + 12 C. Real and fake: forward and both
  backward products, 3 C each. Interpolates: forward, gradient in the input, and the two products of
  each of them backwards, 6 C.
- a generator step: 3 G + 2 C, the critic's weights having no gradient.

Convolutions count as the matrix products of their direct form, whatever form runs. These are upper
counts: the gradient in the pixels of the first layer, and what vanishes behind
piecewise linear activations, may be left out by whoever notices.
"""

import dataclasses
import os
from unittest import mock

import numpy as np

from gan import config, data, presets
from gan.config import Config, Network, unknown
from gan.errors import UserError

IMAGES = 4096


def _planar(width: int) -> Config:
    return dataclasses.replace(
        presets.get("gaussians25"), generator=Network(width=width), critic=Network(width=width)
    )


def _dcgan28() -> Config:
    """The reference workload: 28 x 28 x 1, batch 64, five critic steps, widths 64 and 128."""
    return Config(
        batch_size=64,
        n_critic=5,
        latent_dim=128,
        data=config.Data(name="noise28"),
        generator=Network(name="dcgan", width=64),
        critic=Network(name="dcgan", width=64, activation="leaky_relu"),
    )


def _resnet32() -> Config:
    """The residual pair of Gulrajani et al. 2017 on 32 x 32 x 3, all settings theirs but a batch of
    8 instead of 64, so that an iteration takes seconds on two cores."""
    choice = presets.get("cifar10_resnet")
    noise = config.Data(name="noise32")
    return dataclasses.replace(choice, batch_size=8, schedule="constant", data=noise)


WORKLOADS = {
    "mlp64": lambda: _planar(64),
    "mlp512": lambda: _planar(512),
    "dcgan28": _dcgan28,
    "resnet32": _resnet32,
    "population16": lambda: config.replace(
        presets.get("gaussians25_small"), {"generator.depth": 4}
    ),
}
"""Training workloads by name."""
TRANSPORT = {"transport20k": 20_000, "transport60k": 60_000, "transport200k": 200_000}
"""Points of the workloads that are one certified assignment."""
PRECISIONS = ("rounded", "full", "bfloat16")
"""What products are made of: float32 that a device may round (a GPU to TF32), float32 in full, or
players in bfloat16."""
MEMBERS = {"population16": 16}
"""How many members the workloads have that are populations."""


def of(name: str, changes: dict | None = None) -> Config:
    """The config of a workload, endless, with fields replaced.

    Raises:
        UserError: for an unknown name.
    """
    if name not in WORKLOADS:
        raise UserError(unknown("workload", name, WORKLOADS))
    return config.replace(WORKLOADS[name](), {"steps": 10**9} | (changes or {}))


def members(name: str, count: int | None = None, changes: dict | None = None) -> list[Config]:
    """The configs of a workload's members, or of `count` of them; they differ in their seeds."""
    count = MEMBERS[name] if count is None else count
    return [dataclasses.replace(of(name, changes), seed=seed) for seed in range(count)]


def images(choice: Config) -> bool:
    """Whether a workload trains on images."""
    return choice.data.name.startswith("noise")


def modes(choice: Config) -> tuple[str, ...]:
    """The modes of the PyTorch twin: memory formats for images, and for a resnet resampling merged
    into the convolution before or after it, or apart."""
    if not images(choice):
        return ("eager",)
    if choice.generator.name == "resnet":
        return ("eager", "channels_last", "merged", "merged_channels_last")
    return ("eager", "channels_last")


def dataset(choice: Config):
    """The data of a workload: a law in the plane, or fixed random pixels, which cost what real ones
    do."""
    if not images(choice):
        return data.load(choice.data)
    side = int(choice.data.name.removeprefix("noise"))
    shape = (side, side, 3 if side == 32 else 1)

    def read(split, rows):
        del split
        pixels = np.random.default_rng(0).integers(256, size=(IMAGES, *shape), dtype=np.uint8)
        labels = np.zeros(IMAGES, np.int32)
        return (pixels, labels) if rows is None else (pixels[rows], labels[rows])

    source = data.RawImages(
        name=choice.data.name,
        shape=shape,
        levels=256,
        class_names=("all",),
        sizes=dict.fromkeys(data.SPLITS, IMAGES),
        identity="fixed random pixels",
        read=read,
    )
    return data.Dataset(source, dequantize=False, stream="never")


def gflop(choice: Config, generator, critic, shape) -> float:
    """Stated count for one iteration (n_critic critic steps and a generator step), in GFLOP.

    Args:
        choice: the workload's config.
        generator, critic: pure networks.
        shape: of one example.
    """
    import jax
    import jax.numpy as jnp

    from gan.networks import convolution

    z, x = jnp.zeros((1, choice.latent_dim)), jnp.zeros((1, *shape))
    labels = (jnp.zeros(1, jnp.int32),) if choice.conditional else ()
    with mock.patch.dict(os.environ, {convolution.OVERRIDE: "matrix"}):
        g, c = (
            _products(jax.make_jaxpr(player.apply)(_shapes(player), example, *labels).jaxpr)
            for player, example in ((generator, z), (critic, x))
        )
    per_critic_step = g + (12 if choice.penalty != "none" else 6) * c
    iteration = choice.n_critic * per_critic_step + 3 * g + 2 * c
    return choice.batch_size * iteration / 1e9


def _shapes(player):
    """Parameters of a player as shapes, which a count needs and a large player can afford."""
    import jax

    return jax.eval_shape(player.init, jax.random.key(0))


def _products(jaxpr) -> float:
    """Flops of the matrix products and convolutions of a traced function, loops included."""
    total = 0.0
    for equation in jaxpr.eqns:
        name = equation.primitive.name
        if name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            left = equation.invars[0].aval.shape
            total += (
                2 * np.prod(equation.outvars[0].aval.shape) * np.prod([left[k] for k in contracted])
            )
        elif name == "conv_general_dilated":
            kernel = equation.invars[1].aval.shape
            form = equation.params["dimension_numbers"]
            features = kernel[form.rhs_spec[0]]
            total += 2 * np.prod(equation.outvars[0].aval.shape) * np.prod(kernel) / features
        inner = [p for p in equation.params.values() if hasattr(p, "eqns") or hasattr(p, "jaxpr")]
        for part in inner:
            times = equation.params.get("length", 1) if name == "scan" else 1
            total += times * _products(part.jaxpr if hasattr(part, "jaxpr") else part)
    return total
