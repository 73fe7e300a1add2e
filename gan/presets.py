"""Named configurations: where a run starts from, before any field is changed.

A preset is one assignment of a `Preset`, here or in a module of anybody's.
"""

import dataclasses
import textwrap
from typing import Any

from gan import config
from gan.config import Config, Data, Network
from gan.registries import PRESETS
from gan.registry import Entry

SMALL = {
    "steps": 2,
    "batch_size": 4,
    "latent_dim": 4,
    "evaluation_size": 20,
    "evaluation_repeats": 1,
    "generator.width": 4,
    "generator.depth": 1,
    "critic.width": 4,
    "critic.depth": 1,
}
"""Changes that make any preset of this module train in a second on images of 8 x 8 pixels."""

WIDTH = 100
"""Characters of a line of `table`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Preset(Entry):
    """A configuration with a name.

    Attributes:
        config: the configuration.
        minutes: how long it trains on two CPU cores, roughly; None where that would be too long.
        accelerator: what it wants in that case, as in "a GPU"; "" otherwise.
        expect: what comes out, with its spread where it was measured.
        case: changes with which the tests train it.
    """

    config: Config
    minutes: float | None
    accelerator: str = ""
    expect: str
    case: dict[str, Any] = dataclasses.field(default_factory=lambda: SMALL)

    def time(self) -> str:
        """How long it takes, in words."""
        return self.accelerator if self.minutes is None else f"{self.minutes:g} min"


def get(name: str) -> Config:
    """The configuration of a preset; see gan.registry.Registry.get for names and errors."""
    return PRESETS.get(name).config


def table() -> str:
    """Every preset on lines of WIDTH characters: name, time on two CPU cores, what it is."""
    names = max(map(len, PRESETS))
    times = max(len(preset.time()) for _, preset in PRESETS.items())
    lines = []
    for name, preset in PRESETS.items():
        text = f"{preset.help}; {preset.expect}"
        first, *rest = textwrap.wrap(text, WIDTH - names - times - 4)
        lines.append(f"{name:{names}}  {preset.time():>{times}}  {first}")
        lines += [" " * (names + times + 4) + line for line in rest]
    return "\n".join(lines)


def _planar(name: str) -> Config:
    """The toy settings of Gulrajani et al. 2017 (authors' code)."""
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


def _dcgan(name: str, steps: int, **fields: Any) -> Config:
    """A strided convolutional pair (Radford et al. 2016); two critic steps and Adam(5e-4, 0.5, 0.9)
    with linear decay go further than WGAN-GP's five and 1e-4 in short runs."""
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


# The noise keeps the critic from learning 1,201 images by heart.
digits = Preset(
    help="real 8 x 8 digits with two small MLPs",
    config=Config(
        steps=4500,
        n_critic=2,
        instance_noise=0.3,
        generator_learning_rate=5e-4,
        critic_learning_rate=5e-4,
        data=Data(name="digits"),
    ),
    minutes=1,
    expect="W1 2.95 +- 0.01 on the test split, floor 2.81",
)

digits_conditional = Preset(
    help="digits by class, with a class embedding and a projection critic",
    config=dataclasses.replace(digits.config, conditional=True),
    minutes=1,
    expect="W1 2.84 +- 0.02, floor 2.81; 99.6 % of what it draws is of the class asked for",
)

mnist = Preset(
    help="handwritten digits with strided convolutions",
    source="Radford et al. 2016",
    config=_dcgan("mnist", 6000),
    minutes=40,
    expect="not measured yet",
)

fashion_mnist = Preset(
    help="garments with strided convolutions",
    source="Radford et al. 2016",
    config=_dcgan("fashion_mnist", 6000),
    minutes=40,
    expect="W1 13.3, floor 11.05 (one seed)",
)

fashion_mnist_conditional = Preset(
    help="garments by class with strided convolutions",
    source="Miyato and Koyama 2018",
    config=dataclasses.replace(
        _dcgan("fashion_mnist", 3000), conditional=True, evaluate_every=1000, sample_every=1000
    ),
    minutes=15,
    expect="W1 12.23 +- 0.11, floor 11.05, 91.3 % as asked (3 seeds)",
)

stacked_digits = Preset(
    help="three real digits as the channels of one image, 1,000 modes, with two small MLPs",
    config=Config(
        steps=20_000,
        n_critic=2,
        latent_dim=64,
        generator_learning_rate=5e-4,
        critic_learning_rate=5e-4,
        schedule="linear",
        evaluate_every=5000,
        sample_every=5000,
        checkpoint_every=5000,
        data=Data(name="stacked_digits"),
    ),
    minutes=5,
    expect="1,000 modes of 1,000, KL 0.035 +- 0.002 over 26,000 (3 seeds)",
)

stacked_mnist = Preset(
    help="three of mnist as the channels of one image, 1,000 modes",
    source="Metz et al. 2017",
    config=_dcgan("stacked_mnist", 20_000),
    minutes=130,
    expect="not measured yet",
)

stacked_fashion_mnist = Preset(
    help="three of fashion_mnist as the channels of one image, 1,000 modes",
    source="Metz et al. 2017",
    config=_dcgan("stacked_fashion_mnist", 20_000),
    minutes=130,
    expect="not measured yet",
)

# One critic step and Adam(2e-4, 0, 0.99) as there, with narrow networks.
fashion_mnist_r3gan = Preset(
    help="garments in the manner of R3GAN: pairing loss, R1 and R2, no normalisation",
    source="Huang et al. 2024",
    config=Config(
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
    ),
    minutes=None,
    accelerator="a GPU",
    expect="not measured yet",
)

cifar10 = Preset(
    help="CIFAR-10 with strided convolutions",
    source="Radford et al. 2016",
    config=_dcgan("cifar10", 50_000),
    minutes=None,
    accelerator="a GPU",
    expect="not measured yet",
)

# The settings of the paper, except that its generator's batch is twice the critic's.
cifar10_resnet = Preset(
    help="CIFAR-10 with the residual pair of the WGAN-GP paper",
    source="Gulrajani et al. 2017",
    config=Config(
        steps=100_000,
        latent_dim=128,
        generator_learning_rate=2e-4,
        critic_learning_rate=2e-4,
        schedule="linear",
        data=Data(name="cifar10", dequantize=True),
        generator=Network(name="resnet", width=128, normalization="batch"),
        critic=Network(name="resnet", width=128),
    ),
    minutes=None,
    accelerator="a GPU",
    expect="the paper reports an Inception score of 7.86; not measured here",
)

cats_vs_dogs = Preset(
    help="cats and dogs at 64 x 64 with strided convolutions",
    source="Radford et al. 2016",
    config=_dcgan("cats_vs_dogs", 50_000, image_size=64),
    minutes=None,
    accelerator="a GPU",
    expect="not measured yet",
)

folder = Preset(
    help="your own pictures at 32 x 32 with strided convolutions; needs --data.folder",
    source="Radford et al. 2016",
    config=_dcgan("folder", 10_000, image_size=32),
    minutes=90,
    expect="not measured yet",
)

# As fashion_mnist_conditional, one critic step a round. 1,514 images are few: what the critic sees
# is recoloured and moved.
emoji = Preset(
    help="emoji by kind at 32 x 32 in colour, with strided convolutions",
    source="Radford et al. 2016; Zhao et al. 2020",
    config=config.replace(
        _dcgan("emoji", 6000, image_size=32),
        {
            "n_critic": 1,
            "conditional": True,
            "generator_learning_rate": 3e-4,
            "critic_learning_rate": 6e-4,
            "augmentations": ("color", "translation"),
            "evaluate_every": 1000,
        },
    ),
    minutes=30,
    expect="W1 29.5, floor 27.9 (one seed); faces and flags are recognised",
)

gaussians8 = Preset(
    help="8 Gaussians on a circle, toy settings of the WGAN-GP paper",
    source="Gulrajani et al. 2017",
    config=_planar("gaussians8"),
    minutes=150,
    expect="not measured yet",
)

gaussians25 = Preset(
    help="25 Gaussians on a grid, toy settings of the WGAN-GP paper",
    source="Gulrajani et al. 2017",
    config=_planar("gaussians25"),
    minutes=150,
    expect="not measured yet",
)

# Narrower and deeper players than the paper's, two critic steps, and a learning rate ten times
# its own that falls to zero. What lies between the modes shrinks with the generator's slope, and
# that grows with its depth.
gaussians25_small = Preset(
    help="25 Gaussians on a grid, within minutes",
    config=config.replace(
        gaussians25.config,
        {
            "steps": 15_000,
            "n_critic": 2,
            "generator_learning_rate": 1e-3,
            "critic_learning_rate": 1e-3,
            "schedule": "linear",
            "evaluate_every": 5000,
            "sample_every": 5000,
            "checkpoint_every": 2000,
            "generator.width": 64,
            "generator.depth": 8,
            "critic.width": 64,
            "critic.depth": 4,
        },
    ),
    minutes=3,
    expect="25 modes, 95.9 +- 0.7 % of points within 3 sigma (16 seeds)",
)

swiss_roll = Preset(
    help="a noisy spiral, toy settings of the WGAN-GP paper",
    source="Gulrajani et al. 2017",
    config=_planar("swiss_roll"),
    minutes=150,
    expect="not measured yet",
)

two_moons = Preset(
    help="two noisy half circles, toy settings of the WGAN-GP paper",
    source="Gulrajani et al. 2017",
    config=_planar("two_moons"),
    minutes=150,
    expect="not measured yet",
)

checkerboard = Preset(
    help="8 dark squares of a board, toy settings of the WGAN-GP paper",
    source="Gulrajani et al. 2017",
    config=_planar("checkerboard"),
    minutes=150,
    expect="not measured yet",
)
