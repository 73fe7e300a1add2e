"""A classifier that the project trains itself on a data set, for sample scores and proportions.

Scores of generated images need features in which distances mean something; Inception's are advised
against for small grey images. So the training split of the data set itself trains a small network
(gan.networks.classifier), always the same way: Adam with decoupled weight decay (Loshchilov and
Hutter 2019), cosine decay, a fixed seed. It is trained once per data set and kept in the user's
cache. Whoever prints a score prints `description`: which parameters, and how good they are.

On one machine the same data give the same bits; on another the last bits, and with them the hash,
may differ.
"""

import contextlib
import dataclasses
import fcntl
import functools
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gan import cache, networks
from gan.errors import StorageError, UserError
from gan.files import replacing
from gan.precise import in_full

BLOCK = 512
"""Examples per call of the network; a last block is filled up, so that one program serves all."""

SCALED = 4096
"""Training examples that set the unit of the features, at most."""


VERSION = 2
"""Of the kept files: stands for the network and for what this module does with it."""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a classifier is trained; part of the name it is cached under."""

    version: int = VERSION
    epochs: int = 3
    least_steps: int = 400
    """Steps for sets whose epochs are few batches."""
    batch_size: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Classifier:
    """A trained classifier.

    Attributes:
        name: the data set.
        num_classes: how many classes it tells apart.
        split: the split it was trained on.
        test_size: examples of the test split, on which `accuracy` was measured.
        accuracy: share of the test split that gets its label.
        sha256: hash of `params`, 64 hex digits.
        params: "network", a tree of parameters, and "scale" of the features.
    """

    name: str
    shape: tuple[int, ...]
    num_classes: int
    split: str
    test_size: int
    accuracy: float
    sha256: str
    params: Any = dataclasses.field(repr=False)

    @property
    def accuracy_per_image(self) -> float:
        """The same as `accuracy`."""
        return self.accuracy

    @property
    def description(self) -> str:
        """One line that stands beside every score: data set, hash, split, test accuracy."""
        return (
            f"classifier of {self.name} {self.sha256[:12]}, trained on {self.split}, "
            f"{100 * self.accuracy:.1f} % right on {self.test_size} of test"
        )

    def features(self, examples: np.ndarray) -> np.ndarray:
        """Features, float32 [n, k], of examples [n, *shape].

        Activations of the last hidden layer, in the unit in which those of training examples have
        mean square 1: distances and kernels are then of the same order for every data set.
        """
        return self._outputs(examples)[0] * self.params["scale"]

    def probabilities(self, examples: np.ndarray) -> np.ndarray:
        """Probability of each class, float64 [n, num_classes], of examples [n, *shape]."""
        logits = self._outputs(examples)[1].astype(np.float64)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def labels(self, examples: np.ndarray) -> np.ndarray:
        """The most probable class, int64 [n], of examples [n, *shape]."""
        return self._outputs(examples)[1].argmax(axis=1)

    def _outputs(self, examples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        examples = np.asarray(examples, np.float32)
        if examples.shape[1:] != self.shape or not len(examples):
            raise ValueError(f"need examples [n, {self.shape}], got {examples.shape}")
        apply = _applied(self.shape, self.num_classes)
        outputs = []
        for start in range(0, len(examples), BLOCK):
            block = examples[start : start + BLOCK]
            filled = np.concatenate(
                [block, np.zeros((BLOCK - len(block), *self.shape), np.float32)]
            )
            outputs.append(
                [np.asarray(part)[: len(block)] for part in apply(self.params["network"], filled)]
            )
        features, logits = zip(*outputs, strict=True)
        return np.concatenate(features), np.concatenate(logits)


@dataclasses.dataclass(frozen=True)
class Stacked:
    """The classifier of stacked images (gan.data.stacked): the base set's, channel by channel.

    Attributes: as Classifier's, those of the base's classifier where they are not the stacks' own;
    `accuracy` is the chance that all three channels get their label.
    """

    name: str
    base: Classifier

    @property
    def num_classes(self) -> int:
        return self.base.num_classes**3

    @property
    def accuracy(self) -> float:
        return self.base.accuracy**3

    @property
    def accuracy_per_image(self) -> float:
        """Share of single images, of which a stack has three, that get their label."""
        return self.base.accuracy

    @property
    def split(self) -> str:
        return self.base.split

    @property
    def sha256(self) -> str:
        return self.base.sha256

    @property
    def description(self) -> str:
        return f"{self.base.description}; on each channel"

    def features(self, examples: np.ndarray) -> np.ndarray:
        """Features of the three channels side by side, float32 [n, 3 k]."""
        return np.concatenate([self.base.features(part) for part in _channels(examples)], axis=1)

    def probabilities(self, examples: np.ndarray) -> np.ndarray:
        """Probability of each triple, float64 [n, num_classes], as if channels were independent."""
        a, b, c = (self.base.probabilities(part) for part in _channels(examples))
        return np.einsum("ni,nj,nk->nijk", a, b, c).reshape(len(a), -1)

    def labels(self, examples: np.ndarray) -> np.ndarray:
        """The most probable triple, int64 [n]."""
        a, b, c = (self.base.labels(part) for part in _channels(examples))
        return (a * self.base.num_classes + b) * self.base.num_classes + c


def load_or_train(
    dataset, *, recipe: Recipe | None = None, say: Callable[[str], None] | None = None
) -> Classifier | Stacked:
    """The classifier of a data set, from the user's cache, or trained now and kept there.

    Several processes may ask at once: one trains, the others wait for it. A damaged file is
    replaced.

    Args:
        dataset: what gan.data.load returns, with labels.
        recipe: how it is trained; None for the usual way.
        say: gets a line when there is something to wait for, or the cache cannot be used.

    Raises:
        UserError: for a data set of one class, which leaves nothing to tell apart.
    """
    recipe = recipe or Recipe()
    say = say or (lambda line: None)
    if dataset.num_classes < 2:
        raise UserError(f"{dataset.name} has one class: there is no classifier to train")
    if dataset.base is not None:
        return Stacked(dataset.name, load_or_train(dataset.base, recipe=recipe, say=say))
    key = json.dumps([dataset.fingerprint, dataclasses.asdict(recipe)])
    name = f"{dataset.name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.npz"
    with contextlib.ExitStack() as stack:
        try:
            path = cache.folder("classifiers") / name
            stack.enter_context(_alone(path.with_suffix(".lock")))
        except OSError as error:
            say(f"the classifier of {dataset.name} is not kept: {error}")
            return train(dataset, recipe, say)
        found = _load(path)
        if found is None:
            found = train(dataset, recipe, say)
            try:
                _save(path, found)
            except StorageError as error:
                say(f"the classifier of {dataset.name} is not kept: {error}")
        return found


def train(dataset, recipe: Recipe, say: Callable[[str], None]) -> Classifier:
    """Train on the training split and measure on the test split; see `load_or_train`."""
    say(f"training the classifier of {dataset.name}, once")
    network = networks.classifier(dataset.shape, dataset.num_classes)
    size = dataset.size("train")
    steps = max(recipe.least_steps, recipe.epochs * size // recipe.batch_size)
    schedule = optax.cosine_decay_schedule(recipe.learning_rate, steps)
    optimizer = optax.adamw(schedule, weight_decay=recipe.weight_decay)

    def objective(params, examples, labels):
        logits = network.apply(params, examples)[1]
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        return jnp.mean(losses)

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    @in_full
    def step(params, moments, examples, labels):
        gradients = jax.grad(objective)(params, examples, labels)
        updates, moments = optimizer.update(gradients, moments, params)
        return optax.apply_updates(params, updates), moments

    params = jax.jit(network.init)(jax.random.key(recipe.seed))
    moments = optimizer.init(params)
    draw = np.random.default_rng(recipe.seed)
    for _ in range(steps):
        rows = draw.integers(0, size, recipe.batch_size)
        params, moments = step(params, moments, *dataset.examples("train", rows))
    params = {"network": jax.device_get(params), "scale": np.float32(1)}
    trained = Classifier(
        name=dataset.name,
        shape=tuple(dataset.shape),
        num_classes=dataset.num_classes,
        split="train",
        test_size=dataset.size("test"),
        accuracy=0.0,
        sha256="",
        params=params,
    )
    seen = dataset.examples("train", np.arange(min(size, SCALED)))[0]
    params["scale"] = np.float32(
        1 / np.sqrt(np.mean(trained.features(seen).astype(np.float64) ** 2))
    )
    trained = dataclasses.replace(
        trained, accuracy=_accuracy(trained, dataset), sha256=hashed(_leaves(params))
    )
    say(trained.description)
    return trained


def read(path: str) -> Classifier:
    """A classifier from a file that `load_or_train` has kept.

    Raises:
        UserError: if the file is missing, damaged or something else.
    """
    found = _load(Path(path))
    if found is None:
        raise UserError(f"{path} is not an undamaged classifier that this project has kept")
    return found


@functools.lru_cache(maxsize=16)
def _applied(shape: tuple[int, ...], num_classes: int):
    return jax.jit(in_full(networks.classifier(shape, num_classes).apply))


def _channels(examples: np.ndarray) -> list[np.ndarray]:
    return [examples[..., k : k + 1] for k in range(3)]


def _accuracy(classifier: Classifier, dataset) -> float:
    right = 0
    for start in range(0, classifier.test_size, 16 * BLOCK):
        rows = np.arange(start, min(start + 16 * BLOCK, classifier.test_size))
        examples, labels = dataset.examples("test", rows)
        right += int(np.sum(classifier.labels(examples) == labels))
    return right / classifier.test_size


def _leaves(params: Any) -> dict[str, np.ndarray]:
    """Parameters by path, as in "params/Dense_0/kernel"."""
    paths = jax.tree_util.tree_flatten_with_path(params)[0]
    return {
        "/".join(["params", *(key.key for key in path)]): np.asarray(leaf) for path, leaf in paths
    }


def _tree(leaves: dict[str, np.ndarray]) -> Any:
    tree: dict = {}
    for path, leaf in leaves.items():
        *parents, last = path.split("/")[1:]
        inner = tree
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = leaf
    return tree


def hashed(leaves: dict[str, np.ndarray]) -> str:
    """SHA-256 of parameters by name, with their types and shapes, as 64 hex digits."""
    sha = hashlib.sha256()
    for path in sorted(leaves):
        leaf = np.ascontiguousarray(leaves[path])
        sha.update(f"{path} {leaf.dtype.str} {leaf.shape}\n".encode())
        sha.update(leaf)
    return sha.hexdigest()


_RECORDED = ("name", "shape", "num_classes", "split", "test_size", "accuracy", "sha256")


def _save(path: Path, classifier: Classifier) -> None:
    """Replaces `path` at once, so that nobody sees half a file."""
    record = {name: getattr(classifier, name) for name in _RECORDED} | {"version": VERSION}
    with replacing(path) as file:
        np.savez(file, record=np.array(json.dumps(record)), **_leaves(classifier.params))


def _load(path: Path) -> Classifier | None:
    """The classifier in `path`; None if there is none, or not with the bits of its hash."""
    try:
        with np.load(path, allow_pickle=False) as file:
            leaves = dict(file)
        record = json.loads(str(leaves.pop("record")))
        if record.pop("version") != VERSION or hashed(leaves) != record["sha256"]:
            return None
        record["shape"] = tuple(record["shape"])
        return Classifier(**record, params=_tree(leaves))
    except Exception:  # whatever a damaged file makes NumPy's and Python's parsers raise
        return None


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Waits until no other process holds the lock file `path`; the kernel frees it at any end."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
