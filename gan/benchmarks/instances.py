"""Certified instances of exact transport: their sets, their seconds, memory and gaps."""

import dataclasses
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np

from gan import config, data, files, transport
from gan.errors import UserError
from gan.inputs import unknown
from gan.transport import costs, pricing, products

STARTED = time.time()


@dataclasses.dataclass(frozen=True)
class Instance:
    """Two sets of n points and a cost.

    Attributes:
        question: what the row of the table says.
        cost: named cost.
        sets: sets(data_dir) -> (x, y), or (x, y, a, b) with their weights.
        long: whether it takes many minutes, and so is made only when it is named.
    """

    question: str
    cost: str
    sets: Callable[[str | None], tuple[np.ndarray, ...]]
    long: bool = False


def gaussian(n: int, d: int):
    """x ~ N(0, I), y ~ 1.1 N(0, I) + 0.3 in d dimensions."""

    def sets(data_dir):
        del data_dir
        rng = np.random.default_rng(0)
        return rng.normal(size=(n, d)), 1.1 * rng.normal(size=(n, d)) + 0.3

    return sets


def clusters(n: int):
    """50 clusters in the plane, others in either set; weights differ up to a hundredfold."""

    def sets(data_dir):
        del data_dir
        rng = np.random.default_rng(0)
        parts = []
        for _ in range(2):
            points = rng.normal(size=(50, 2))[rng.integers(50, size=n)]
            weights = rng.integers(1, 100, size=n).astype(float)
            parts.append((points + 0.05 * rng.normal(size=(n, 2)), weights / weights.sum()))
        return *(part[0] for part in parts), *(part[1] for part in parts)

    return sets


def grid(n: int):
    """Points of the grid 0 ... 255 in the plane, uniform against normal ones: many ties."""

    def sets(data_dir):
        del data_dir
        rng = np.random.default_rng(0)
        normal = np.rint(128 + 40 * rng.normal(size=(n, 2)))
        return rng.integers(256, size=(n, 2), dtype=np.uint8), normal.clip(0, 255).astype(np.uint8)

    return sets


def collapsed(n: int, noise: float):
    """n images that are copies of 100 held-out ones, with pixel noise, against n real images."""

    def sets(data_dir):
        images, _ = _fashion(data_dir)
        rng = np.random.default_rng(0)
        images = images[rng.permutation(len(images))]
        copies = images[-100:][rng.integers(100, size=n)]
        moved = copies + np.rint(noise * rng.normal(size=copies.shape))
        return np.clip(moved, 0, 255).astype(np.uint8), images[:n]

    return sets


def generated(n: int):
    """Class-wise PCA-Gaussian images against the real training images, uint8."""

    def sets(data_dir):
        images, labels = _fashion(data_dir)
        rng = np.random.default_rng(0)
        fake = np.empty_like(images)
        for label in np.unique(labels):
            own = np.flatnonzero(labels == label)
            real = images[own].astype(np.float64)
            mean, axes, scales = _components(real, 64)
            codes = rng.normal(size=(len(own), 64)) * scales
            fake[own] = np.clip(np.rint(mean + codes @ axes), 0, 255).astype(np.uint8)
        order = rng.permutation(len(images))[:n]
        return fake[order], images[rng.permutation(len(images))[:n]]

    return sets


def features(n: int):
    """64 principal components of the images of `generated`."""

    def sets(data_dir):
        x, y = generated(n)(data_dir)
        mean, axes, _ = _components(y.astype(np.float64), 64)
        return (x - mean) @ axes.T, (y - mean) @ axes.T

    return sets


INSTANCES = {
    "gaussian_d64_20k": Instance("Gaussians, d = 64", "euclidean", gaussian(20_000, 64)),
    "plane_20k": Instance("Gaussians in the plane", "euclidean", gaussian(20_000, 2)),
    "space_20k": Instance("Gaussians, d = 3", "euclidean", gaussian(20_000, 3)),
    "gaussian_d8_20k": Instance("Gaussians, d = 8", "euclidean", gaussian(20_000, 8)),
    "clusters_20k": Instance(
        "clusters in the plane, unequal weights", "euclidean", clusters(20_000)
    ),
    "grid_20k": Instance("a grid of 8 bits in the plane", "sqeuclidean", grid(20_000)),
    "collapsed_20k": Instance(
        "100 images repeated, against images", "sqeuclidean", collapsed(20_000, 0)
    ),
    "noisy_20k": Instance(
        "100 images repeated with noise of 5 levels, against images",
        "sqeuclidean",
        collapsed(20_000, 5),
    ),
    "gaussian_d64_60k": Instance("Gaussians, d = 64", "euclidean", gaussian(60_000, 64)),
    "features_60k": Instance(
        "generated against real images, 64 components", "euclidean", features(60_000)
    ),
    "pixels_60k": Instance(
        "generated against real images, pixels", "sqeuclidean", generated(60_000)
    ),
    "pixels_euclidean_60k": Instance(
        "generated against real images, pixels", "euclidean", generated(60_000)
    ),
    "plane_200k": Instance("Gaussians in the plane", "euclidean", gaussian(200_000, 2), long=True),
    "plane_1m": Instance("Gaussians in the plane", "euclidean", gaussian(1_000_000, 2), long=True),
    "gaussian_d64_200k": Instance(
        "Gaussians, d = 64", "euclidean", gaussian(200_000, 64), long=True
    ),
    "gaussian_d64_400k": Instance(
        "Gaussians, d = 64", "euclidean", gaussian(400_000, 64), long=True
    ),
    "gaussian_d64_1m": Instance(
        "Gaussians, d = 64", "euclidean", gaussian(1_000_000, 64), long=True
    ),
}
"""Every instance by name."""


def run(name: str, workdir: str, data_dir: str | None, progress=None) -> dict:
    """Solves and verifies one instance; keeps its certificate and its numbers.

    Args:
        name: in INSTANCES.
        workdir, data_dir: directories of the files made, and of data.
        progress: as for `transport.assignment`.

    Raises:
        UserError: for an unknown instance or missing data.
    """
    if name not in INSTANCES:
        raise UserError(unknown("instance", name, INSTANCES))
    instance = INSTANCES[name]
    x, y, *weights = instance.sets(data_dir)
    ready = time.time()
    if weights:
        solution = transport.plan(x, y, *weights, cost=instance.cost, progress=progress)
    else:
        solution = transport.assignment(x, y, instance.cost, progress=progress)
    solved = time.time()
    path = Path(workdir) / f"{name}.npz"
    solution.certificate.save(path)
    bounds = transport.verify(transport.load(path), x, y, *weights)
    verified, seconds_cpu = time.time(), time.process_time()
    report = dict(solution.report)
    subset = report.pop("subset", None)
    gflops, coordinates = product_rate(x, y, instance.cost)
    result = {
        "instance": name,
        "cost": instance.cost,
        "n": len(x),
        "d": int(np.prod(x.shape[1:])),
        "value": solution.value,
        "gap": solution.gap,
        "relative_gap": solution.gap / solution.value,
        "verified_gap": bounds.gap,
        "rounding": bounds.rounding,
        "integer": bounds.integer,
        "seconds_start": ready - STARTED,
        "seconds": solved - ready,
        "seconds_verify": verified - solved,
        "seconds_cpu_all": seconds_cpu,
        "load_average": os.getloadavg()[0],
        "certificate_bytes": path.stat().st_size,
        "report": report,
        "subset_seconds": subset and subset["total_seconds"],
        "gflops": gflops,
        "coordinates": coordinates,
    }
    text = json.dumps(result, indent=1, default=float)
    files.write_atomically(Path(workdir) / f"{name}.json", text)
    return result


def product_rate(x, y, cost: str, seconds: float = 2.0) -> tuple[float, int]:
    """GFLOP/s of the pricing's matrix products alone, in the blocks and the type that it uses, and
    the coordinates that they sum over."""
    sets = pricing.Pricer(costs.geometry(x, y, cost)).sketch
    x, y = sets.x[: products.ROWS], sets.y[: products.COLUMNS]
    flops = 2 * len(x) * len(y) * x.shape[1]
    jax.block_until_ready(products.product(x, y))
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        jax.block_until_ready(products.product(x, y))
        count += 1
    return count * flops / (time.perf_counter() - start) / 1e9, x.shape[1]


def stages(workdir: str) -> str:
    """Seconds of every stage, and processor seconds in brackets, as markdown."""
    lines = [
        "| instance | cost | n | "
        + " | ".join(STAGES)
        + " | GFLOP/s of a product, its coordinates, one pass at it |",
        "|" + "---|" * (len(STAGES) + 4),
    ]
    for name, instance in INSTANCES.items():
        path = Path(workdir) / f"{name}.json"
        if path.exists():
            r = json.loads(path.read_text())
            spent, cpu = r["report"]["seconds"], r["report"]["seconds_cpu"]
            cells = [f"{spent[s]:.1f} ({cpu[s]:.1f})" if s in spent else "" for s in STAGES]
            least = 2 * r["n"] ** 2 * r["coordinates"] / r["gflops"] / 1e9
            lines.append(
                f"| {instance.question} | {r['cost']} | {r['n']:,} | {' | '.join(cells)} | "
                f"{r['gflops']:.0f}, {r['coordinates']}, {least:.1f} s |"
            )
    return "\n".join(lines)


STAGES = (
    "start",
    "thresholds",
    "first pass",
    "exact costs",
    "start the pool",
    "solve",
    "price pool",
    "price",
)
"""Stages of column generation in the order of their first use; "start" solves the subset."""


def summarize(workdir: str) -> str:
    """The table of all finished instances, as markdown."""
    lines = [
        "| instance | cost | n | d | start (s) | solve (s) | verify (s) | CPU in all (s) | "
        "GiB | passes / solves | arcs per point | gap, relative | verified gap | "
        "certificate (kB) | load |",
        "|" + "---|" * 15,
    ]
    for name, instance in INSTANCES.items():
        path = Path(workdir) / f"{name}.json"
        if path.exists():
            r = json.loads(path.read_text())
            report = r["report"]
            gap = "0" if r["gap"] == 0 else f"{r['relative_gap']:.1e}"
            gap += ", in integers" if r["integer"] else ""
            verified = "0" if r["verified_gap"] == 0 else f"{r['verified_gap']:.1e}"
            lines.append(
                f"| {instance.question} | {r['cost']} | {r['n']:,} | {r['d']} | "
                f"{r['seconds_start']:.1f} | {r['seconds']:.1f} | {r['seconds_verify']:.1f} | "
                f"{r['seconds_cpu_all']:.0f} | "
                f"{report['peak_bytes'] / 2**30:.2f} | {report['rounds']:.1f} / "
                f"{report['solves']} | {report['arcs'] / r['n']:.0f} | {gap} | {verified} | "
                f"{r['certificate_bytes'] / 1e3:.0f} | {r['load_average']:.1f} |"
            )
    return "\n".join(lines)


def _fashion(data_dir):
    source = data.load(config.Data(name="fashion_mnist"), data_dir)
    parts = [source.examples(split) for split in ("train", "validation")]
    images, labels = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
    return source.to_uint8(images).reshape(len(images), -1), labels


def _components(points, count):
    """Mean [d], leading principal axes [count, d] and standard deviations [count]."""
    mean = points.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(points.T))
    return mean, vectors[:, ::-1][:, :count].T, np.sqrt(np.maximum(values[::-1][:count], 0))
