"""Accelerators to compile for: their names, what they can do, and their compilers' devices.

A target is a kind and its devices, as in "v5e:2x2", "v6e:8" or "h100:8". Peaks are per device, from
data sheets: Google Cloud, "TPU v5e" and "TPU v6e"; NVIDIA, H100 SXM5 (dense). A TPU multiplies
float32 in one pass of bfloat16 unless told otherwise, in three at "high" and six at "highest"; an
H100 in TF32, or in float32 at "highest".
"""

import dataclasses
import importlib.util
import os
import re
import sys
from collections.abc import Sequence
from typing import Any

from gan.errors import UserError


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of device.

    `memory` is what programs can have of it, in bytes; `peaks` are operations per second by what
    `counts.Counts.flops` calls the factors, of others the least; `bandwidth` and `link` are bytes
    per second of memory and out of a device; `launch` is about how long an operation takes to
    start, in seconds, 0 where it is in the estimated cycles; `clock` is in cycles per second, None
    where the compiler estimates no cycles or nobody publishes it; `sides` the topologies by number
    of devices.
    """

    name: str
    platform: str
    memory: int
    peaks: dict[str, float]
    bandwidth: float
    link: float
    launch: float
    clock: float | None
    sides: dict[int, str]


def _tpu(peak: float) -> dict[str, float]:
    return {"bf16": peak, "f32": peak, "f32 high": peak / 3, "f32 highest": peak / 6}


SQUARES = {1: "1x1", 4: "2x2", 8: "2x4", 16: "4x4", 32: "4x8", 64: "8x8", 128: "8x16", 256: "16x16"}

KINDS = {
    "v5e": Kind(
        "TPU v5e",
        "tpu",
        int(15.75 * 2**30),
        _tpu(197e12),
        bandwidth=819e9,
        link=200e9,
        launch=0.0,
        clock=1.5e9,
        sides=SQUARES,
    ),
    "v6e": Kind(
        "TPU v6e",
        "tpu",
        32 * 2**30,
        _tpu(918e12),
        bandwidth=1640e9,
        link=448e9,
        launch=0.0,
        clock=None,
        sides=SQUARES,
    ),
    "h100": Kind(
        "H100 SXM",
        "cuda",
        80 * 10**9,
        {"bf16": 989e12, "f16": 989e12, "f32": 494.7e12, "f32 highest": 66.9e12},
        bandwidth=3350e9,
        link=450e9,
        launch=2.5e-6,
        clock=None,
        sides={count: f"1x1x{count}" for count in (1, 2, 4, 8)}
        | {8 * hosts: f"1x{hosts}x8" for hosts in (2, 4, 8, 16, 32)},
    ),
}

PACKAGES = {
    "tpu": ("aot-tpu", ("libtpu",)),
    "cuda": ("aot-cuda", ("jax_cuda12_plugin", "jax_plugins.xla_cuda12", "nvidia.cuda_nvcc")),
}
"""Of each platform, the extra and the modules that must be there."""

H100 = """
gpu_device_info {
  threads_per_block_limit: 1024
  threads_per_warp: 32
  shared_memory_per_block: 49152
  shared_memory_per_core: 233472
  threads_per_core_limit: 2048
  core_count: 132
  fpus_per_core: 128
  block_dim_limit_x: 2147483647
  block_dim_limit_y: 65535
  block_dim_limit_z: 65535
  memory_bandwidth: 3352320000000
  l2_cache_size: 52428800
  clock_rate_ghz: 1.98
  device_memory_size: 84942979072
  shared_memory_per_block_optin: 232448
  cuda_compute_capability { major: 9 }
  registers_per_core_limit: 65536
  registers_per_block_limit: 65536
}
platform_name: "CUDA"
dnn_version_info { major: 9 minor: 10 }
device_description_str: "NVIDIA H100 80GB HBM3"
"""
"""The card as XLA's GpuTargetConfigProto."""


@dataclasses.dataclass(frozen=True)
class Target:
    """Devices of one kind: "v5e", "2x2", 4."""

    kind: str
    topology: str
    devices: int

    @property
    def machine(self) -> Kind:
        """What a device is."""
        return KINDS[self.kind]

    def __str__(self) -> str:
        sides = self.devices if self.machine.platform == "cuda" else self.topology
        return f"{self.kind}:{sides}"


def parse(text: str) -> Target:
    """The target that "v5e:2x2", "v6e:8" or "h100" (one) names.

    Raises:
        UserError: for an unknown kind or number of devices.
    """
    name, _, wanted = text.partition(":")
    if name not in KINDS:
        raise UserError(f"--target: unknown kind {name!r}; kinds: {', '.join(KINDS)}")
    sides = KINDS[name].sides
    for count, topology in sides.items():
        if (wanted or "1") in (str(count), topology):
            return Target(name, topology, count)
    raise UserError(
        f"--target: {name} has no {wanted!r} devices; numbers: {', '.join(map(str, sides))}"
    )


def require(target: Target) -> None:
    """Raises UserError, with the command that installs it, if the compiler is not installed."""
    extra, modules = PACKAGES[target.machine.platform]
    if not all(_found(module) for module in modules):
        raise UserError(
            f"compiling for {target.machine.name} needs its compiler (600 MB); install it with "
            f"{sys.executable} -m pip install '.[{extra}]'"
        )


def _found(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def environment(target: Target) -> dict[str, str]:
    """The environment of a process that compiles for a target."""
    given = {
        "JAX_PLATFORMS": "cpu",
        "JAX_ENABLE_COMPILATION_CACHE": "false",
        "TPU_SKIP_MDS_QUERY": "1",
        "TPU_WORKER_HOSTNAMES": "localhost",
        "TPU_ACCELERATOR_TYPE": "v5litepod-4" if target.kind == "v5e" else "v6e-4",
        "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    flags = re.sub(r"--xla_force_host\S*", "", os.environ.get("XLA_FLAGS", "")).strip()
    kept = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    return kept | given | ({"XLA_FLAGS": flags} if flags else {})


def devices(target: Target) -> Sequence[Any]:
    """The devices of the target's compiler; nothing can be put on them."""
    from jax.experimental import topologies

    if target.machine.platform == "cuda":
        given = {"target_config": H100, "topology": target.topology}
        return topologies.get_topology_desc("", "cuda", **given).devices
    given = {"chips_per_host_bounds": (1, 1, 1)} if target.devices == 1 else {}
    name = f"{target.kind}:{target.topology}"
    return topologies.get_topology_desc(name, "tpu", **given).devices
