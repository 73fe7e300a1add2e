"""Trees of arrays as named NumPy arrays: flatten, hash, compare, rebuild.

A leaf's name is its path of keys, field names and positions joined by "/", as in
"critic/0/kernel". Names, not container types, identify a state, so a tree read back as plain
dictionaries has the hash of the tree that was saved. PRNG keys are stored as their key data.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gan.errors import NonFiniteError, UserError


def tree_hash(state: Any) -> str:
    """64 hex digits that two states share exactly when every leaf has the same bits.

    SHA-256 over the leaves sorted by name: name, dtype, shape, then the bytes in C order and
    little endian. PRNG keys count as their key data.

    Args:
        state: a tree of arrays, on any devices; each array whole on this process.

    Raises:
        UserError: a leaf is no array, or a name is unusable; named.
    """
    return hash_leaves(flatten(state))


def hash_leaves(leaves: Mapping[str, np.ndarray]) -> str:
    """`tree_hash` of leaves by name."""
    digest = hashlib.sha256()
    for name in sorted(leaves):
        array = leaves[name]
        digest.update(json.dumps([name, array.dtype.name, list(array.shape)]).encode() + b"\n")
        if array.dtype.byteorder == ">":
            array = array.astype(array.dtype.newbyteorder("<"))
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def flatten(state: Any) -> dict[str, np.ndarray]:
    """Leaves by name, as NumPy arrays; PRNG keys as key data.

    Raises:
        UserError: as `tree_hash`.
    """
    import jax

    leaves = {}
    for name, leaf in named(state).items():
        if is_key(leaf):
            leaf = jax.random.key_data(leaf)
        if isinstance(leaf, jax.Array) and not (
            leaf.is_fully_addressable or leaf.is_fully_replicated
        ):
            raise UserError(f"leaf {name!r} is split over processes; states must be replicated")
        if not isinstance(leaf, jax.Array | np.ndarray | np.generic):
            raise UserError(f"leaf {name!r} must be an array, got {type(leaf).__name__}")
        leaves[name] = np.asarray(leaf)
    return leaves


def named(state: Any) -> dict[str, Any]:
    """Leaves by name, untouched.

    Raises:
        UserError: no leaves, or a key that is empty, ".", "..", has a "/" or is no str or int.
    """
    import jax

    leaves: dict[str, Any] = {}
    for path, leaf in jax.tree_util.tree_flatten_with_path(state)[0]:
        name = "/".join(_component(key) for key in path)
        if not path:
            raise UserError(f"a state must be a tree of arrays, got {type(state).__name__}")
        if name in leaves:
            raise UserError(f"a state has two leaves named {name!r}")
        leaves[name] = leaf
    if not leaves:
        raise UserError("a state must have at least one leaf")
    return leaves


def safe(name: str) -> bool:
    """Whether a name could come from `named`: no step out of its place in the tree."""
    return all(part not in ("", ".", "..") and part.isprintable() for part in name.split("/"))


def is_key(leaf: Any) -> bool:
    """Whether a leaf, or the description of one, is an array of PRNG keys."""
    import jax

    return hasattr(leaf, "dtype") and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def describe(leaf: Any) -> list[Any]:
    """[dtype, shape] of an array or a `ShapeDtypeStruct`, for JSON.

    PRNG keys: the name of their kind, as in "key<fry>", and the shape of their key data.
    """
    import jax

    data = jax.eval_shape(jax.random.key_data, leaf) if is_key(leaf) else leaf
    return [str(leaf.dtype), list(data.shape)]


def require_finite(leaves: Mapping[str, np.ndarray], step: int) -> None:
    """Raises NonFiniteError naming step and leaf if a leaf holds NaN or infinity."""
    for name, array in leaves.items():
        if array.dtype.kind in "fc" or array.dtype.name == "bfloat16":
            bad = array.size - np.count_nonzero(np.isfinite(array))
            if bad:
                raise NonFiniteError(
                    f"step {step}: {bad} of {array.size} values of {name!r} are NaN or infinite"
                )


def difference(saved: Mapping[str, list[Any]], template: Any) -> str | None:
    """The first leaf in which a saved state and a template differ, in words; None if they agree."""
    asked = {name: describe(leaf) for name, leaf in named(template).items()}
    differing = [
        name for name in sorted(saved.keys() | asked) if saved.get(name) != asked.get(name)
    ]
    if not differing:
        return None
    name = differing[0]
    more = f" (and {len(differing) - 1} more leaves)" if len(differing) > 1 else ""
    return (
        f"leaf {name!r} is {_words(saved.get(name))} in the checkpoint, "
        f"{_words(asked.get(name))} in the state asked for{more}"
    )


def require_fit(params: Any, init: Callable, what: str) -> None:
    """Raises UserError, naming a leaf, unless params have the tree and shapes that `init` makes.

    Args:
        params: tree of arrays from a checkpoint.
        init: init(key) -> params of the network that the config describes.
        what: whose they are, for the message.
    """
    import jax

    saved = {name: describe(leaf) for name, leaf in named(params).items()}
    different = difference(saved, jax.eval_shape(init, jax.random.key(0)))
    if different:
        raise UserError(f"{what} does not fit config.json: {different}")


def rebuild(leaves: Mapping[str, np.ndarray], template: Any) -> Any:
    """The leaves in the template's structure.

    NumPy where the template has NumPy, otherwise on the devices and with the sharding of the
    template's array (the default device for a `ShapeDtypeStruct` without sharding).
    """
    import jax

    placed = [_placed(leaves[name], leaf) for name, leaf in named(template).items()]
    return jax.tree.unflatten(jax.tree.structure(template), placed)


def nest(leaves: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The leaves as nested dictionaries; positions become the keys "0", "1", ..."""
    tree: dict[str, Any] = {}
    for name, array in leaves.items():
        *parents, last = name.split("/")
        inner = tree
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = array
    return tree


def _component(key: Any) -> str:
    for attribute in ("key", "idx", "name"):
        if hasattr(key, attribute):
            value = getattr(key, attribute)
            part = str(value)
            if isinstance(value, str | int) and "/" not in part and safe(part):
                return part
            raise UserError(f"a state has the unusable key {value!r}")
    raise UserError(f"a state has the unusable key {key!r}")


def _words(description: list[Any] | None) -> str:
    return f"{description[0]}{description[1]}" if description else "missing"


def _placed(array: np.ndarray, leaf: Any) -> Any:
    import jax

    if isinstance(leaf, np.ndarray | np.generic):
        return array
    if getattr(leaf, "committed", True) and leaf.sharding is not None:
        placed = jax.make_array_from_callback(array.shape, leaf.sharding, lambda part: array[part])
    else:
        placed = jax.device_put(array)
    if not is_key(leaf):
        return placed
    like = jax.numpy.empty((), leaf.dtype)  # the leaf may be a shape and a dtype only
    return jax.random.wrap_key_data(placed, impl=jax.random.key_impl(like))
