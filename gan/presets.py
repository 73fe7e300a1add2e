"""Named configurations: where a run starts from, before any field is changed.

Each is a function whose docstring says what it trains and whose settings it follows.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

from gan import config
from gan.config import Config, Data, Network
from gan.errors import UserError


def _digits() -> Config:
    """Real 8x8 digits with two small MLPs, under a minute on two CPU cores; the noise keeps the
    critic from learning 1,201 images by heart."""
    return Config(
        steps=4500,
        n_critic=2,
        instance_noise=0.3,
        generator_learning_rate=5e-4,
        critic_learning_rate=5e-4,
        data=Data(name="digits"),
    )


def _digits_conditional() -> Config:
    """Digits by class: the same two MLPs with a class embedding and a projection critic."""
    return dataclasses.replace(_digits(), conditional=True)


def _stacked_digits() -> Config:
    """Three real digits as the channels of one image, 1,000 modes, with two small MLPs."""
    return Config(
        steps=20_000,
        n_critic=2,
        latent_dim=64,
        generator_learning_rate=5e-4,
        critic_learning_rate=5e-4,
        schedule="linear",
        data=Data(name="stacked_digits"),
    )


def _planar(name: str) -> Callable[[], Config]:
    def planar() -> Config:
        """Points in the plane with the toy settings of Gulrajani et al. 2017 (authors' code)."""
        return Config(
            steps=100_000,
            batch_size=256,
            latent_dim=2,
            penalty_weight=0.1,
            beta1=0.5,
            data=Data(name=name),
            generator=Network(width=512),
            critic=Network(width=512),
        )

    return planar


def _gaussians25_small() -> Config:
    """25 Gaussians within minutes of one CPU core: narrower and deeper players than the authors',
    two critic steps, and a learning rate ten times theirs that falls to zero."""
    return config.replace(
        _planar("gaussians25")(),
        {
            "steps": 20_000,
            "n_critic": 2,
            "generator_learning_rate": 1e-3,
            "critic_learning_rate": 1e-3,
            "schedule": "linear",
            "evaluate_every": 5000,
            "sample_every": 5000,
            "checkpoint_every": 2000,
            "generator.width": 64,
            "generator.depth": 4,
            "critic.width": 64,
            "critic.depth": 4,
        },
    )


def _dcgan(name: str, steps: int, **fields: Any) -> Callable[[], Config]:
    def images() -> Config:
        """Images with a strided convolutional pair (Radford et al. 2016); two critic steps and
        Adam(5e-4, .5, .9) with linear decay go further than WGAN-GP's five and 1e-4 in short
        runs."""
        return Config(
            steps=steps,
            n_critic=2,
            latent_dim=128,
            generator_learning_rate=5e-4,
            critic_learning_rate=5e-4,
            beta1=0.5,
            schedule="linear",
            data=Data(name=name, **fields),
            generator=Network(name="dcgan", width=64, normalization="layer"),
            critic=Network(name="dcgan", width=64, activation="leaky_relu"),
        )

    return images


def _fashion_mnist_conditional() -> Config:
    """Garments by class with a small residual pair in the manner of BigGAN (Brock et al. 2019); one
    critic step a round, with twice the generator's learning rate (Heusel et al. 2017)."""
    player = Network(name="biggan", width=16)
    return Config(
        steps=3000,
        batch_size=32,
        n_critic=1,
        latent_dim=48,
        conditional=True,
        generator_learning_rate=3e-4,
        critic_learning_rate=6e-4,
        beta1=0.5,
        schedule="linear",
        evaluate_every=1000,
        data=Data(name="fashion_mnist"),
        generator=dataclasses.replace(player, normalization="layer"),
        critic=dataclasses.replace(player, activation="leaky_relu"),
    )


def _cifar10_resnet() -> Config:
    """CIFAR-10 with the residual pair and the settings of Gulrajani et al. 2017, except
    that their generator's batch is twice the critic's; they report Inception score 7.86."""
    return Config(
        steps=100_000,
        latent_dim=128,
        generator_learning_rate=2e-4,
        critic_learning_rate=2e-4,
        schedule="linear",
        data=Data(name="cifar10", dequantize=True),
        generator=Network(name="resnet", width=128, normalization="batch"),
        critic=Network(name="resnet", width=128),
    )


def _fashion_mnist_r3gan() -> Config:
    """Fashion-MNIST in the manner of R3GAN (Huang et al. 2024): pairing loss, R1 and R2, residual
    players without normalisation; one critic step and Adam(2e-4, 0, .99), with narrow networks."""
    return Config(
        steps=20_000,
        n_critic=1,
        latent_dim=64,
        loss="relativistic",
        penalty="r1_r2",
        penalty_weight=1.0,
        generator_learning_rate=2e-4,
        critic_learning_rate=2e-4,
        beta2=0.99,
        data=Data(name="fashion_mnist"),
        generator=Network(name="r3gan", width=64, depth=1, activation="leaky_relu"),
        critic=Network(name="r3gan", width=64, depth=1, activation="leaky_relu"),
    )


PRESETS: dict[str, Callable[[], Config]] = {
    "digits": _digits,
    "digits_conditional": _digits_conditional,
    "mnist": _dcgan("mnist", 6000),
    "fashion_mnist": _dcgan("fashion_mnist", 6000),
    "fashion_mnist_conditional": _fashion_mnist_conditional,
    "stacked_digits": _stacked_digits,
    "stacked_mnist": _dcgan("stacked_mnist", 20_000),
    "stacked_fashion_mnist": _dcgan("stacked_fashion_mnist", 20_000),
    "fashion_mnist_r3gan": _fashion_mnist_r3gan,
    "cifar10": _dcgan("cifar10", 50_000),
    "cifar10_resnet": _cifar10_resnet,
    "cats_vs_dogs": _dcgan("cats_vs_dogs", 50_000, image_size=64),
    "folder": _dcgan("folder", 10_000, image_size=32),
    "gaussians8": _planar("gaussians8"),
    "gaussians25": _planar("gaussians25"),
    "gaussians25_small": _gaussians25_small,
    "swiss_roll": _planar("swiss_roll"),
    "two_moons": _planar("two_moons"),
    "checkerboard": _planar("checkerboard"),
}
"""Named configurations; each is a function, so that presets cannot share state."""


def get(name: str) -> Config:
    """The preset `name`; raises UserError with the known names otherwise."""
    if name not in PRESETS:
        raise UserError(config.unknown("preset", name, PRESETS))
    return PRESETS[name]()
