"""Random weights of Inception-v3 that keep activations of the order of 1, and torch-fidelity's own
network, loaded without the package around it, whose import asks for torchvision."""

import functools
import importlib
import importlib.util
import sys
import types
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from gan.networks import inception

DRAWN = ("feature_extractor_inceptionv3", "metric_fid", "metric_isc", "metric_kid", "metric_prc")


@functools.cache
def leaves(seed: int = 0) -> dict[str, np.ndarray]:
    """Parameters by path, He-scaled, with scales and offsets that differ by channel."""
    draw = np.random.default_rng(seed)
    found = {}
    for path, shape in inception.shapes().items():
        if path.endswith("kernel"):
            found[path] = draw.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape)
        else:
            found[path] = draw.uniform(0.5, 1.5, shape) - path.endswith("offset")
    return {path: leaf.astype(np.float32) for path, leaf in found.items()}


@functools.cache
def tensors(seed: int = 0) -> dict[str, np.ndarray]:
    """Weights as PyTorch's file names them: those of `leaves`, behind a batch normalisation whose
    statistics are perturbed, with the bias and the counters that no feature depends on."""
    draw = np.random.default_rng(seed + 1)
    found = {"fc.bias": draw.normal(size=inception.CLASSES)}
    for path, leaf in leaves(seed).items():
        layer, _, kind = path.rpartition("/")
        name = layer.replace("/", ".")
        if kind == "kernel":
            part = ".weight" if layer == "fc" else ".conv.weight"
            found[name + part] = leaf.T if layer == "fc" else leaf.transpose(3, 2, 0, 1)
        elif kind == "scale":
            found[f"{name}.bn.weight"] = leaf
            found[f"{name}.bn.running_mean"] = draw.normal(0, 0.2, leaf.shape)
            found[f"{name}.bn.running_var"] = draw.uniform(0.5, 1.5, leaf.shape)
            found[f"{name}.bn.num_batches_tracked"] = np.int64(7)
        else:
            found[f"{name}.bn.bias"] = leaf
    return {
        name: np.array(each, np.int64 if "num_batches" in name else np.float32)
        for name, each in found.items()
    }


def save(path: Path, arrays: dict[str, np.ndarray], zipped: bool = True) -> Path:
    """A file of torch.save in its newer or its older form."""
    torch = pytest.importorskip("torch", reason="torch is not installed (extra: bench)")
    state = OrderedDict((name, torch.from_numpy(each)) for name, each in arrays.items())
    state._metadata = OrderedDict({"": {"version": 1}})  # as state_dict() has
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    return path


def fidelity() -> types.SimpleNamespace:
    """The modules of torch-fidelity in DRAWN, by name."""
    pytest.importorskip("torch", reason="torch is not installed (extra: bench)")
    spec = importlib.util.find_spec("torch_fidelity")
    if spec is None:
        pytest.skip("torch-fidelity is not installed (extra: bench)")
    package = types.ModuleType("torch_fidelity")
    package.__path__ = list(spec.submodule_search_locations)
    utils = types.ModuleType("torch_fidelity.utils")
    utils.__getattr__ = lambda name: None  # what reads images, which nothing here does
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "torch_fidelity", package)
        patch.setitem(sys.modules, "torch_fidelity.utils", utils)
        found = {name: importlib.import_module(f"torch_fidelity.{name}") for name in DRAWN}
    for name in [name for name in sys.modules if name.startswith("torch_fidelity.")]:
        del sys.modules[name]
    return types.SimpleNamespace(**found)
