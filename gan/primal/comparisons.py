"""What is compared on every data set: methods and costs, budgets, and the sets all are given."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from gan import config, data, networks, primal
from gan.config import Config, unknown
from gan.errors import UserError
from gan.scores import classifier

METHODS = (
    "wgan_gp",
    "minibatch:64",
    "minibatch:256",
    "minibatch:1024",
    "debiased:256",
    "sinkhorn:256",
    "semi_discrete",
    "fixed_codes",
)
LEARNED = ("wgan_gp", "minibatch:256", "debiased:256", "semi_discrete", "fixed_codes")
COSTS = ("pixels", "features", "both")
"""Euclidean distance of flattened examples; of the classifier's last hidden layer, scaled to the
spread of the pixels; of the two side by side."""


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One data set's comparison.

    Attributes:
        config: the generator, the game, and Adam for everybody.
        size: training examples, the same for everybody.
        n: examples per evaluated set.
        samples: generated examples kept from every snapshot.
        steps: generator steps of the one budget.
        seconds: processor seconds of the other, compilation left out.
        methods: what is trained with the cost "pixels".
        learned: what is trained with each other cost.
        costs: which.
        seeds: how many.
    """

    config: Config
    size: int
    n: int
    samples: int
    steps: int
    seconds: float
    methods: tuple[str, ...]
    learned: tuple[str, ...]
    costs: tuple[str, ...]
    seeds: int

    def __post_init__(self):
        for name in (*self.methods, *self.learned):
            primal.parse(name)
        for name in self.costs:
            if name not in COSTS:
                raise UserError(unknown("cost", name, COSTS))
        for field, least in {"size": 4, "n": 2, "steps": 1, "seeds": 1}.items():
            if getattr(self, field) < least:
                raise UserError(f"{field} must be at least {least}, got {getattr(self, field)}")
        if not 0 < self.seconds < float("inf"):
            raise UserError(f"seconds must be positive and finite, got {self.seconds}")
        if 2 * self.n > min(self.size, self.samples):
            raise UserError(f"n must be at most half of the training examples, got {self.n}")


def _players(name: str, latent_dim: int, width: int, learning_rate: float) -> Config:
    """WGAN-GP with two critic steps, which goes further than five in short runs."""
    player = config.Network(name="mlp", width=width, depth=3)
    return Config(
        n_critic=2,
        latent_dim=latent_dim,
        generator_learning_rate=learning_rate,
        critic_learning_rate=learning_rate,
        beta1=0.5,
        ema_decay=0.99,
        data=config.Data(name=name),
        generator=player,
        critic=player,
    )


COMPARISONS: dict[str, Comparison] = {
    "gaussians25": Comparison(
        config=dataclasses.replace(_players("gaussians25", 2, 128, 1e-3), penalty_weight=0.1),
        size=1024,
        n=512,
        samples=2500,
        steps=250,
        seconds=4,
        methods=("wgan_gp:256", *METHODS[1:]),
        learned=(),
        costs=("pixels",),
        seeds=3,
    ),
    "digits": Comparison(
        config=_players("digits", 16, 128, 1e-3),
        size=1024,
        n=375,
        samples=1000,
        steps=250,
        seconds=5,
        methods=METHODS,
        learned=LEARNED,
        costs=COSTS,
        seeds=3,
    ),
    "fashion_mnist": Comparison(
        config=_players("fashion_mnist", 32, 256, 1e-3),
        size=2048,
        n=512,
        samples=1024,
        steps=150,
        seconds=15,
        methods=LEARNED,
        learned=LEARNED[:3],
        costs=("pixels", "features"),
        seeds=1,
    ),
}
"""By data set. The penalty of the toy and its batch are those of Gulrajani et al. 2017 (authors'
code)."""


class ExampleSets(NamedTuple):
    """The examples of a comparison, the same for every method and seed.

    Attributes:
        dataset: what gan.data.load returns.
        train: [size, *shape], what is trained on.
        test: [n, *shape], held out.
        others: [n, *shape] each, held out too, of neither of them.
    """

    dataset: data.Dataset | data.Measure
    train: np.ndarray
    test: np.ndarray
    others: list[np.ndarray]


def load(comparison: Comparison, data_dir: str | None) -> ExampleSets:
    """The sets of a comparison, drawn without regard to the seed.

    Raises:
        UserError: if the data set has too few examples.
    """
    dataset = data.load(comparison.config.data, data_dir)
    draw = np.random.default_rng(0)
    rows = {split: draw.permutation(dataset.size(split)) for split in data.SPLITS}
    used, size, n = rows["train"], comparison.size, comparison.n
    left = min(len(used) - size, 2 * n)
    if left < 0 or len(rows["test"]) < n or left + len(rows["validation"]) < n:
        raise UserError(
            f"{dataset.name} has too few examples for {size} to train on and twice {n} held out"
        )
    spare = np.concatenate(
        [
            dataset.examples("train", used[size : size + left])[0],
            dataset.examples("validation", rows["validation"][: 2 * n])[0],
        ]
    )
    return ExampleSets(
        dataset,
        dataset.examples("train", used[:size])[0],
        dataset.examples("test", rows["test"][:n])[0],
        [spare[k : k + n] for k in range(0, min(len(spare), 2 * n) - n + 1, n)],
    )


def pixels(x):
    """Examples [m, *shape] flattened to [m, k]."""
    return x.reshape(len(x), -1)


def feature_function(
    sets: ExampleSets, cost: str, trained: Callable[[], classifier.Classifier]
) -> Callable:
    """phi: [m, *shape] -> [m, k], differentiable, so that the cost is |phi(x) - phi(y)|.

    Args:
        trained: gives the classifier, if the cost needs one.

    Raises:
        UserError: for features of points in the plane.
    """
    if cost == "pixels":
        return pixels
    dataset = sets.dataset
    if len(dataset.shape) == 1:
        raise UserError(f"points of {dataset.name} are their own features: take cost pixels")
    found = trained()
    apply = networks.classifier(dataset.shape, dataset.num_classes).apply
    spread = np.linalg.norm(pixels(sets.train).std(axis=0))
    scale = float(
        found.params["scale"] * spread / np.linalg.norm(found.features(sets.train).std(axis=0))
    )

    def features(x):
        return scale * apply(found.params["network"], x)[0]

    if cost == "features":
        return features
    return lambda x: jnp.concatenate([pixels(x), features(x)], axis=1) / 2**0.5
