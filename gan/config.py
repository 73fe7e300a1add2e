"""Every choice that a training run depends on, in one frozen object.

A `Config` is complete: with the code and the data it determines the run. Where things are (the
run directory, the folder of the data sets, the devices) is not part of it. Names of networks,
losses, penalties and data sets, and what these ask of the rest, are checked by gan.rules.
"""

import dataclasses
import typing
from collections.abc import Callable
from typing import Any, Literal

from gan import earlier, inputs
from gan.errors import UserError
from gan.inputs import SEEDS, STEPS, named, ranged, ranges, shown, unknown
from gan.registries import (
    ARCHITECTURES,
    AUGMENTATIONS,
    LOSSES,
    METRICS,
    OPTIMIZERS,
    PENALTIES,
    SOURCES,
)

BELOW_ONE = 1 - 2**-24
"""The largest float32 below 1: a decay above it would be 1 in training."""

LARGEST = 10**300
"""Whole numbers up to that are floats too."""

LONGEST = 4096
"""Characters of a name or a path."""


@dataclasses.dataclass(frozen=True)
class Data:
    """What is learned from."""

    name: str = named("digits", SOURCES)
    """Data set; any other name is an image set of tensorflow-datasets."""
    folder: str | None = None
    """Folder of images, for the data set 'folder'; sub-folders become classes."""
    splits: Literal["auto", "folders", "content"] = "auto"
    """Of a folder: its sub-folders train, val and test are the splits (folders), or splits are cut
    by content and all sub-folders are classes; auto takes folders where there are no others."""
    skip_unreadable: bool = False
    """Go on without the pictures of a folder that cannot be read, and count them."""
    largest_megapixels: int = ranged(179, 1, 10**6)
    """Millions of pixels of the largest picture of a folder that is decoded, at up to 16 bytes
    each."""
    image_size: int = ranged(0, 0, 4096)
    """Side of the square images in pixels; others are resized and centre-cropped. 0 keeps the data
    set's own size."""
    dequantize: bool = False
    """Add uniform noise of one pixel level to every training batch."""
    stream: Literal["auto", "always", "never"] = "auto"
    """Read batches from disk instead of keeping the set on the device; auto streams sets over
    2 GiB."""


@dataclasses.dataclass(frozen=True)
class Network:
    """One player's architecture."""

    name: str = named("mlp", ARCHITECTURES)
    """Architecture."""
    width: int = ranged(256, 1, 2**16)
    """Units of a hidden layer, or channels next to the pixels; see the architecture."""
    depth: int = ranged(3, 0, 256)
    """Hidden layers, or what the architecture counts instead; some derive it from the image
    size."""
    activation: Literal["relu", "leaky_relu", "tanh", "softplus"] = "relu"
    """Nonlinearity; leaky_relu has slope 0.2, softplus is softplus(2x + 2) / 2 - 1."""
    normalization: Literal["none", "layer", "batch"] = "none"
    """Between a hidden layer and its nonlinearity: nothing, layer norm over each example, or batch
    norm with the statistics of the batch at hand, which couples its examples and is refused in a
    penalised critic."""
    weights: Literal["free", "spectral"] = "free"
    """Kernels as they are, or each divided by its largest singular value (spectral
    normalisation)."""


@dataclasses.dataclass(frozen=True)
class Config:
    """One training run."""

    seed: int = ranged(0, 0, SEEDS)
    """Seed of parameters, latents and batches."""
    steps: int = ranged(4000, 1, STEPS)
    """Generator steps."""
    batch_size: int = ranged(64, 1, 2**20)
    """Examples per critic step and latents per generator step."""
    accumulation: int = ranged(1, 1, 2**20)
    """Equal parts of a batch whose gradients are computed one after the other and averaged: takes
    less memory, and gives the same up to rounding."""
    remat: bool = False
    """Derivatives keep what each layer's product gives and compute the rest of it again: takes
    less memory and more time, and gives the same."""
    n_critic: int = ranged(5, 1, 1000)
    """Critic steps before each generator step."""
    latent_dim: int = ranged(32, 1, 2**20)
    """Dimension of the standard normal latent."""
    conditional: bool = False
    """Give both players the class of every example; needs labelled data and networks that take
    labels."""
    loss: str = named("wasserstein", LOSSES)
    """Losses of the critic and of the generator."""
    penalty: str = named("two_sided", PENALTIES)
    """Penalty on the critic, most of them on its slopes."""
    penalty_weight: float = ranged(10.0, 0, 1e12)
    """Weight of the penalty; r1 and r2 carry a factor 1/2 of their own."""
    penalty_target: float = ranged(1.0, 0, 1e6)
    """Slope that the penalty asks for, in critic output per unit of input."""
    penalty2: str = named("none", PENALTIES)
    """A second penalty, beside the first."""
    penalty2_weight: float = ranged(0.0, 0, 1e12)
    """Weight of the second penalty."""
    penalty2_target: float = ranged(1.0, 0, 1e6)
    """Slope that the second penalty asks for."""
    penalty_every: int = ranged(1, 1, 10**6)
    """Critic steps from one penalty to the next; the weight is multiplied by as much (lazy
    regularisation). Of both penalties."""
    weight_clip: float = ranged(0.0, 0, 1e6)
    """Largest absolute value of a critic's parameter, enforced after every critic step; 0 leaves
    them free."""
    instance_noise: float = ranged(0.0, 0, 1e6)
    """Standard deviation of normal noise on everything the critic is trained on, real and generated
    alike; keeps a critic from learning a small data set by heart."""
    augmentations: tuple[str, ...] = named((), AUGMENTATIONS)
    """Differentiable changes of all images that the critic is trained on, real and generated alike,
    one after the other; keep a critic from learning a small data set by heart."""
    augmentation_probability: float = ranged(1.0, 0, 1)
    """Probability of each augmentation for each example; its largest one where it adapts."""
    augmentation_target: float = ranged(0.0, 0, 1)
    """Makes the probability adapt, from 0 on: it rises while the critic's separation, the mean sign
    of f(real) - f(fake), is above this, and falls while it is below; 0 leaves it as it is."""
    augmentation_examples: float = ranged(500_000.0, 1, 1e12)
    """Real examples that the critic is shown while an adapting probability rises from 0 to 1."""
    optimizer: str = named("adam", OPTIMIZERS)
    """How both players make steps of their gradients."""
    generator_learning_rate: float = ranged(1e-4, 0, 1e30)
    """Learning rate of the generator."""
    critic_learning_rate: float = ranged(1e-4, 0, 1e30)
    """Learning rate of the critic."""
    beta1: float = ranged(0.0, 0, BELOW_ONE)
    """Decay of the optimiser's first moment, both players."""
    beta2: float = ranged(0.9, 0, BELOW_ONE)
    """Decay of the optimiser's second moment, both players."""
    weight_decay: float = ranged(0.0, 0, 1e6)
    """Decay of the parameters per unit of learning rate, both players; of the optimisers that have
    one."""
    schedule: Literal["constant", "linear"] = "constant"
    """Learning rates stay, or fall linearly to zero at the last step."""
    ema_decay: float = ranged(0.999, 0, BELOW_ONE)
    """Decay of the generator's moving average, which is what is evaluated and sampled; it is capped
    at (1 + step) / (10 + step) early on."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """What the players compute in during training; bfloat16 keeps parameters, losses and every
    evaluation in float32."""
    log_every: int = ranged(50, 1, STEPS)
    """Steps between lines of metrics.jsonl."""
    evaluate_every: int = ranged(500, 1, STEPS)
    """Steps between evaluations against held-out data."""
    sample_every: int = ranged(500, 1, STEPS)
    """Steps between sample pictures."""
    checkpoint_every: int = ranged(500, 1, STEPS)
    """Steps between checkpoints."""
    keep_checkpoints: int = ranged(3, 1, 10**6)
    """Newest checkpoints kept, beside the best one on the validation split."""
    evaluation_size: int = ranged(512, 2, 100_000)
    """Examples per evaluated set (n); lowered to what the held-out split has."""
    evaluation_repeats: int = ranged(4, 1, 1000)
    """Independent generated sets and real sets that each reported distance averages over."""
    metrics: tuple[str, ...] = named((), METRICS)
    """What an evaluation reports, by name; none for all that the data set allows. Those that are
    cheap are computed while training too."""
    score_every: int = ranged(0, 0, STEPS)
    """Steps between evaluations while training that report all metrics, those that take long as
    well; 0 for never."""
    features: str | None = None
    """What sample scores look at: MODULE:FUNCTION, a FILE.npz with a kept classifier, or
    inception:FILE.npz; the data set's own classifier by default."""
    data: Data = dataclasses.field(default_factory=Data)
    generator: Network = dataclasses.field(default_factory=Network)
    critic: Network = dataclasses.field(default_factory=Network)

    def __post_init__(self):
        values = flatten(self)
        for path, allowed in ranges(self).items():
            allowed.check(values[path], path)
        for path, value in values.items():
            for text in value if isinstance(value, tuple) else (value,):
                if isinstance(text, str) and not 1 <= len(text) <= LONGEST:
                    raise UserError(
                        f"{path} must have 1 to {LONGEST} characters, got {len(text):,}"
                    )
        if self.batch_size % self.accumulation:
            raise UserError(
                f"accumulation must divide batch_size: {self.accumulation:,} parts of "
                f"{self.batch_size:,} examples are not equal"
            )
        critic_steps = self.steps * self.n_critic
        if self.penalty_every > 1 and critic_steps > STEPS:  # they are counted in 32 bits
            raise UserError(
                f"steps * n_critic must be at most {STEPS:,} with penalty_every above 1, "
                f"got {critic_steps:,}"
            )
        for applies, reason in FORBIDDEN:
            if applies(self):
                raise UserError(reason)


FORBIDDEN: list[tuple[Callable[[Config], bool], str]] = [
    (
        lambda c: (
            not c.augmentations and (c.augmentation_probability < 1 or c.augmentation_target > 0)
        ),
        "augmentation_probability and augmentation_target go with augmentations only: name some",
    ),
    (
        lambda c: (
            c.accumulation > 1 and "batch" in (c.generator.normalization, c.critic.normalization)
        ),
        "accumulation above 1 goes with normalization none or layer only: batch norm couples the "
        "examples of a whole batch",
    ),
    (
        lambda c: c.weight_clip > 0 and c.critic.weights == "spectral",
        "weight_clip goes with critic.weights free only: spectral normalisation undoes any scale "
        "of the kernels",
    ),
    (
        lambda c: (
            c.precision == "bfloat16" and "spectral" in (c.generator.weights, c.critic.weights)
        ),
        "precision bfloat16 goes with weights free only: the largest singular value, and with it "
        "the bound on the slope, would be right to two digits",
    ),
]
"""Choices that do not go together whatever they name: whether a config makes them, and why it is
refused."""


def to_dict(config: Config) -> dict[str, Any]:
    """Nested plain dictionary, as JSON has it: lists are lists."""
    return dataclasses.asdict(
        config,
        dict_factory=lambda pairs: {
            name: list(value) if isinstance(value, tuple) else value for name, value in pairs
        },
    )


def from_dict(values: dict[str, Any], default: Config | None = None) -> Config:
    """Config from a nested dictionary; missing fields come from `default`.

    Raises:
        UserError: for an unknown field or a value of the wrong type, naming its path.
    """
    return _build(type(default or Config()), values, default or Config(), "")


def replace(config: Config, changes: dict[str, Any]) -> Config:
    """Config with fields replaced by path, as in {"data.name": "mnist", "steps": 10}."""
    known = flatten(config)
    nested: dict[str, Any] = {}
    for path, value in changes.items():
        if path not in known:
            raise UserError(unknown("field", path, known))
        *parents, leaf = path.split(".")
        inner = nested
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[leaf] = value
    return from_dict(nested, config)


def flatten(config: Any, prefix: str = "") -> dict[str, Any]:
    """Every field by its path: {"steps": 4000, "data.name": "digits", ...}."""
    found: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            found |= flatten(value, f"{prefix}{field.name}.")
        else:
            found[prefix + field.name] = value
    return found


def load(path: str) -> Config:
    """Config saved as JSON, for example a run directory's config.json.

    Raises:
        UserError: as gan.inputs.read_json and `from_dict`.
    """
    values = inputs.read_json(path, "config")
    if not isinstance(values, dict):
        raise UserError(f"the config {path} must hold one JSON object")
    return from_dict(values)


def _build(cls: type, values: Any, default: Any, prefix: str) -> Any:
    if not isinstance(values, dict):
        raise UserError(f"{prefix.rstrip('.')} must be an object of fields, got {shown(values)}")
    types = typing.get_type_hints(cls)
    names = [field.name for field in dataclasses.fields(cls)]
    changes = {}
    for name, value in values.items():
        if name not in names:
            raise UserError(unknown("field", prefix + name, [prefix + n for n in names]))
        current = getattr(default, name)
        if dataclasses.is_dataclass(current):
            changes[name] = _build(type(current), value, current, f"{prefix}{name}.")
        else:
            changes[name] = _checked(value, types[name], prefix + name)
    return dataclasses.replace(default, **changes)


def _checked(value: Any, wanted: Any, path: str) -> Any:
    if typing.get_origin(wanted) is Literal:
        allowed = typing.get_args(wanted)
        if not (isinstance(value, str) and value in allowed):
            raise UserError(f"{path} must be one of {', '.join(allowed)}; got {shown(value)}")
        return value
    if typing.get_origin(wanted) is tuple:
        return _names(value, path)
    options = typing.get_args(wanted) or (wanted,)
    if float in options and type(value) is int:
        if abs(value) > LARGEST:
            raise UserError(f"{path} must be a number below {LARGEST:g}, got {shown(value)}")
        return float(value)
    if not any(type(value) is option for option in options):
        names = " or ".join("null" if o is type(None) else o.__name__ for o in options)
        raise UserError(f"{path} must be {names}, got {shown(value)}")
    return value


def _names(value: Any, path: str) -> tuple[str, ...]:
    """A list of names as a field holds it; those of earlier versions become the present ones."""
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise UserError(f"{path} must be a list of names, got {shown(value)}")
    if len(set(map(earlier.name, value))) < len(value):
        raise UserError(f"{path}: the list {shown(value)} names one twice")
    return tuple(map(earlier.name, value))
