"""The solvers of exact transport that people use, measured in fresh processes."""

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gan import files
from gan.benchmarks import fresh
from gan.errors import UserError
from gan.inputs import unknown
from gan.reports import drawing
from gan.transport import memory


def ours(x, y):
    """gan.transport.assignment: with a certificate and potentials."""
    from gan import transport

    return lambda: transport.assignment(x, y, "euclidean").value


def scipy(x, y):
    """scipy.optimize.linear_sum_assignment on the whole matrix: no potentials."""
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    def solve():
        matrix = cdist(x, y)
        return float(matrix[linear_sum_assignment(matrix)].mean())

    return solve


def pot_dense(x, y):
    """ot.emd on the whole matrix, with an iteration limit that it does not reach."""
    import ot

    def solve():
        mass = np.ones(len(x))
        value, log = ot.emd2(
            mass, mass, ot.dist(x, y, metric="euclidean"), numItermax=10**9, log=True
        )
        _optimal(log)
        return float(value) / len(x)

    return solve


def pot_lazy(x, y):
    """ot.emd2_lazy: no matrix, costs computed as the simplex asks for them."""
    import ot

    def solve():
        mass = np.ones(len(x))
        value, log = ot.emd2_lazy(
            x, y, mass, mass, metric="euclidean", numItermax=10**9, log=True, return_matrix=False
        )
        _optimal(log)
        return float(value) / len(x)

    return solve


def ott_hungarian(x, y):
    """ott.tools.unreg.hungarian (optax), in float32 as it comes."""
    import jax.numpy as jnp
    from ott.geometry import costs, pointcloud
    from ott.tools import unreg

    def solve():
        cloud = pointcloud.PointCloud(jnp.asarray(x), jnp.asarray(y), cost_fn=costs.Euclidean())
        return float(unreg.hungarian(cloud)[0])

    return solve


SOLVERS: dict[str, Callable] = {
    "ours": ours,
    "scipy": scipy,
    "pot_dense": pot_dense,
    "pot_lazy": pot_lazy,
    "ott_hungarian": ott_hungarian,
}
"""Each is solver(x, y) -> solve, after its imports; solve() -> mean cost of the assignment."""


def sets(n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """n points each of x ~ N(0, I) and y ~ 1.1 N(0, I) + 0.3 in d dimensions."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, d)), 1.1 * rng.normal(size=(n, d)) + 0.3


def measure(name: str, n: int, d: int) -> dict:
    """One assignment in this process: seconds, processor seconds, bytes at the peak, value.

    Raises:
        UserError: for an unknown solver.
    """
    if name not in SOLVERS:
        raise UserError(unknown("solver", name, SOLVERS))
    solve = SOLVERS[name](*sets(n, d))
    before, clock, cpu = memory.peak(), time.perf_counter(), time.process_time()
    value = solve()
    return {
        "solver": name,
        "n": n,
        "d": d,
        "value": value,
        "seconds": time.perf_counter() - clock,
        "seconds_cpu": time.process_time() - cpu,
        "bytes": memory.peak() - before,
    }


def elsewhere(name, n, d, limit):
    """`measure` in a fresh process; "value" is None when it ran past `limit` seconds. Errors as of
    `fresh.measured`."""
    asked = ["--only", name, "--sizes", n, "--dimension", d, "--workdir", "."]
    late = {"solver": name, "n": n, "d": d, "value": None, "seconds": limit}
    return fresh.measured(f"{name} at n = {n} failed", "transport_peers", asked, limit) or late


def run(workdir: str, sizes: list[int], d: int, repeats: int, limit: float) -> list[dict]:
    """Every measurement within the limit; solvers take turns at each size."""
    path = Path(workdir) / "peers.json"
    rows = json.loads(path.read_text()) if path.exists() else []
    begin = time.perf_counter()
    for repeat in range(repeats):
        for n in sorted(sizes):
            for name in SOLVERS:
                own = [row for row in rows if (row["solver"], row["d"]) == (name, d)]
                done = any((row["n"], row["repeat"]) == (n, repeat) for row in own)
                slow = any(row["value"] is None and row["n"] <= n for row in own)
                if done or slow:
                    continue
                row = elsewhere(name, n, d, limit) | {"repeat": repeat}
                rows.append(row)
                files.write_json(path, rows)
                took = f"{row['seconds']:.2f} s" if row["value"] else f"over {limit:g} s"
                passed = time.perf_counter() - begin
                print(f"{passed:7.0f} s  round {repeat + 1}, n = {n}: {name} {took}", flush=True)
    return rows


def summarize(rows: list[dict]) -> str:
    """Markdown: a row per size and solver, medians over repeats, and the distance of the values."""
    lines = [
        "| n | solver | seconds | min to max | CPU seconds | times ours | GiB | value - ours |",
        "|" + "---|" * 8,
    ]
    for n in sorted({row["n"] for row in rows}):
        best = _rows(rows, "ours", n)
        for name in SOLVERS:
            own = _rows(rows, name, n)
            if own and best:
                seconds = [row["seconds"] for row in own]
                ratio = statistics.median(seconds) / statistics.median(
                    row["seconds"] for row in best
                )
                lines.append(
                    f"| {n:,} | {name} | {statistics.median(seconds):.2f} | "
                    f"{min(seconds):.2f} to {max(seconds):.2f} | "
                    f"{statistics.median(row['seconds_cpu'] for row in own):.2f} | {ratio:.1f} | "
                    f"{max(row['bytes'] for row in own) / 2**30:.2f} | "
                    f"{own[0]['value'] - best[0]['value']:.1e} |"
                )
    return "\n".join(lines) + "\n"


def draw(rows: list[dict], path: str) -> None:
    """Seconds and memory against n, a line per solver; axes are logarithmic, but that of memory
    where none of them grew beyond its imports."""
    figure, axes = drawing.panels(2, 2, 5, 3.8)
    for panel, field, unit, label in (
        (axes[0], "seconds", 1, "seconds"),
        (axes[1], "bytes", 2**30, "GiB beyond the imports"),
    ):
        for name in SOLVERS:
            sizes = [n for n in sorted({row["n"] for row in rows}) if _rows(rows, name, n)]
            values = [
                statistics.median(row[field] for row in _rows(rows, name, n)) / unit for n in sizes
            ]
            thick = 2.4 if name == "ours" else 1.2
            panel.plot(sizes, values, marker="o", markersize=4, linewidth=thick, label=name)
        scale = (
            "log" if any(max(line.get_ydata(), default=0) > 0 for line in panel.lines) else "linear"
        )
        panel.set(xscale="log", yscale=scale, xlabel="points in each set (n)", ylabel=label)
        every = sorted({row["n"] for row in rows})
        panel.set_xticks(every, [f"{n:,}" for n in every])
        panel.minorticks_off()
        panel.grid(alpha=0.25, linewidth=0.6)
    axes[0].legend(fontsize="small")
    drawing.save(figure, path)


def _rows(rows, name, n):
    return [r for r in rows if (r["solver"], r["n"]) == (name, n) and r["value"] is not None]


def _optimal(log):
    if log["result_code"] != 1:
        raise RuntimeError(f"the simplex stopped with code {log['result_code']}")
