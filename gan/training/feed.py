"""How real batches reach the jitted round: from the device, or streamed in windows of rounds.

Either way the batch of critic step i in round `step` is a pure function of (seed, step, i), and
both ways give the same bits, so there is no iterator to save or restore. While a window is trained
on, the next one is read and put on the device. Images lie there as rows of h w c numbers: an axis
of few channels would be filled up to a whole tile.
"""

import functools
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan.config import Config
from gan.training.keys import round_keys

WINDOW_BYTES = 256 * 2**20


class Feed(NamedTuple):
    """`load(step) -> (data, last)`: data on the device for the rounds step .. last - 1, `last` None
    when there is no end; inside jit `batch(data, step, i, key) -> [batch_size, *shape]` and
    `labels(data, step, i, key) -> int32 [batch_size]`, the classes of the same examples. `shapes`
    are those of `data`, known before anything is loaded."""

    load: Callable[[int], tuple[Any, int | None]]
    batch: Callable[[Any, jax.Array, jax.Array, jax.Array], jax.Array]
    labels: Callable[[Any, jax.Array, jax.Array, jax.Array], jax.Array]
    shapes: Any


def make_feed(dataset, config: Config, key_data: jax.Array | None, sharding=None) -> Feed:
    """Feed of a data set for a run whose state carries `key_data`.

    Args:
        dataset: what gan.data.load returns.
        config: gives batch_size and n_critic.
        key_data: State.key; None if nothing will be loaded.
        sharding: where in-memory arrays and windows are placed (replicated on a mesh).
    """
    if not dataset.streamed:
        arrays = functools.cache(lambda: jax.device_put(dataset.arrays, sharding))

        def batch(data, step, i, key):
            return dataset.batch(data, key, config.batch_size)[0]

        def labels(data, step, i, key):
            return dataset.batch(data, key, config.batch_size)[1]

        return Feed(lambda step: (arrays(), None), batch, labels, _shapes(dataset.arrays))
    return _streamed(dataset, config, key_data, sharding)


def _streamed(dataset, config: Config, key_data, sharding) -> Feed:
    per_round = config.n_critic * config.batch_size * int(np.prod(dataset.shape))
    window = max(1, min(config.steps, WINDOW_BYTES // per_round))

    @jax.jit
    def rows(steps):
        def of_round(step):
            keys = round_keys(key_data, step, config.n_critic).critic.batch
            return jax.vmap(lambda key: dataset.indices(key, config.batch_size))(keys)

        return jax.vmap(of_round)(steps)

    def read(start: int) -> dict[str, np.ndarray]:
        indices = np.asarray(rows(jnp.arange(start, start + window, dtype=jnp.int32)))
        raw, labels = dataset.read(indices.ravel())
        return {
            "start": np.int32(start),
            "raw": raw.reshape(*indices.shape, -1),
            "labels": labels.reshape(indices.shape),
        }

    reader = ThreadPoolExecutor(1, thread_name_prefix="batches")
    ahead: dict[int, Future] = {}
    current: dict[int, Any] = {}
    alone = sharding is None or sharding.is_fully_addressable

    def fetch(start: int):
        arrays = read(start)
        return jax.device_put(arrays, sharding) if alone else arrays

    def load(step: int):
        start = step - step % window
        if start not in current:
            arrays = ahead.pop(start).result() if start in ahead else fetch(start)
            current.clear()
            ahead.clear()
            # Processes place an array together, so not in a thread.
            current[start] = arrays if alone else jax.device_put(arrays, sharding)
            ahead[start + window] = reader.submit(fetch, start + window)
        return current[start], start + window

    def batch(data, step, i, key):
        rows = data["raw"][step - data["start"], i]
        return dataset.finish(rows.reshape(-1, *dataset.shape), key)

    def labels(data, step, i, key):
        return data["labels"][step - data["start"], i]

    drawn = window, config.n_critic, config.batch_size
    shapes = {
        "start": jax.ShapeDtypeStruct((), np.int32),
        "raw": jax.ShapeDtypeStruct((*drawn, int(np.prod(dataset.shape))), np.uint8),
        "labels": jax.ShapeDtypeStruct(drawn, np.int32),
    }
    return Feed(load, batch, labels, shapes)


def _shapes(arrays: Any) -> Any:
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), arrays)
