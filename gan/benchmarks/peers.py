"""The solvers of exact transport that people use, measured in fresh processes."""

import importlib
import itertools
import json
import math
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


def ours(x, y, cost):
    """gan.transport.assignment: with a certificate and potentials."""
    for module in ("ortools.graph.python.linear_sum_assignment", "ot.lp.emd_wrap"):
        importlib.import_module(module)  # the solver imports them when it needs them

    from gan import transport

    return lambda: transport.assignment(x, y, cost).value


def scipy(x, y, cost):
    """scipy.optimize.linear_sum_assignment on the whole matrix: no potentials."""
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    def solve():
        matrix = cdist(x, y, cost)
        return float(matrix[linear_sum_assignment(matrix)].mean())

    return solve


def lap(x, y, cost):
    """lap.lapjv of the package lap or lapx: no potentials (Jonker and Volgenant 1987)."""
    import lap
    from scipy.spatial.distance import cdist

    return lambda: float(lap.lapjv(cdist(x, y, cost))[0]) / len(x)


def lapx_single(x, y, cost):
    """lap.lapjvs of the package lapx, which computes in float32."""
    from lap import lapjvs  # (total, rows, columns)
    from scipy.spatial.distance import cdist

    def solve():
        matrix = cdist(x, y, cost)
        return float(matrix[lapjvs(matrix)[1:]].mean())

    return solve


def ortools_dense(x, y, cost):
    """OR-tools' SimpleLinearSumAssignment on all arcs; costs are rounded to integers."""
    from ortools.graph.python import linear_sum_assignment
    from scipy.spatial.distance import cdist

    def solve():
        n = len(x)
        memory.require(_ARC * n * n, f"OR-tools on all arcs between {n} points")
        matrix = cdist(x, y, cost)
        unit = matrix.max() / 2.0 ** (60 - 2 * math.ceil(math.log2(max(n, 2))))
        rows, columns = np.divmod(np.arange(n * n), n)
        solver = linear_sum_assignment.SimpleLinearSumAssignment()
        weights = np.rint(matrix.ravel() / unit).astype(np.int64)
        solver.add_arcs_with_cost(rows, columns, weights)
        if solver.solve() != solver.OPTIMAL:
            raise RuntimeError("OR-tools found no optimum")
        found = [solver.right_mate(i) for i in range(n)]
        return float(matrix[np.arange(n), found].mean())

    return solve


def pot_dense(x, y, cost):
    """ot.emd on the whole matrix, with an iteration limit that it does not reach."""
    import ot

    def solve():
        mass = np.ones(len(x))
        value, log = ot.emd2(mass, mass, ot.dist(x, y, metric=cost), numItermax=10**9, log=True)
        _optimal(log)
        return float(value) / len(x)

    return solve


def pot_lazy(x, y, cost):
    """ot.emd2_lazy: no matrix, costs computed as the simplex asks for them."""
    import ot

    def solve():
        mass = np.ones(len(x))
        value, log = ot.emd2_lazy(
            x, y, mass, mass, metric=cost, numItermax=10**9, log=True, return_matrix=False
        )
        _optimal(log)
        return float(value) / len(x)

    return solve


def ott_hungarian(x, y, cost):
    """ott.tools.unreg.hungarian (optax), in float32 as it comes."""
    import jax.numpy as jnp
    from ott.geometry import costs, pointcloud
    from ott.tools import unreg

    between = costs.Euclidean() if cost == "euclidean" else costs.SqEuclidean()

    def solve():
        cloud = pointcloud.PointCloud(jnp.asarray(x), jnp.asarray(y), cost_fn=between)
        return float(unreg.hungarian(cloud)[0])

    return solve


_ARC = 100
"""Bytes of an arc in OR-tools, with the arrays that bring it there."""

SOLVERS: dict[str, Callable] = {
    "ours": ours,
    "scipy": scipy,
    "lap": lap,
    "lapx_single": lapx_single,
    "ortools_dense": ortools_dense,
    "pot_dense": pot_dense,
    "pot_lazy": pot_lazy,
    "ott_hungarian": ott_hungarian,
}
"""Each is solver(x, y, cost) -> solve, after its imports; solve() -> mean cost of the optimum."""

NEEDS = {
    "lap": ("lap", "lapjv"),
    "lapx_single": ("lap", "lapjvs"),
    "ott_hungarian": ("ott", "__version__"),
}
"""The module that a solver needs, and a name that it must have, where that is an extra."""

COSTS = ("euclidean", "sqeuclidean")


def sets(n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """n points each of x ~ N(0, I) and y ~ 1.1 N(0, I) + 0.3 in d dimensions."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, d)), 1.1 * rng.normal(size=(n, d)) + 0.3


def installed(name: str) -> bool:
    """Whether a solver is here."""
    module, needed = NEEDS.get(name, ("numpy", "array"))
    try:
        return hasattr(importlib.import_module(module), needed)
    except ImportError:
        return False


def measure(name: str, n: int, d: int, cost: str) -> dict:
    """One assignment in this process: seconds, processor seconds, bytes at the peak, value.

    Raises:
        UserError: for an unknown solver, or one that is not installed.
    """
    if name not in SOLVERS:
        raise UserError(unknown("solver", name, SOLVERS))
    if not installed(name):
        raise UserError(f"{name} is not installed: its package is in the extra bench or entropic")
    solve = SOLVERS[name](*sets(n, d), cost)
    before, clock, cpu = memory.peak(), time.perf_counter(), time.process_time()
    value = solve()
    return {
        "solver": name,
        "n": n,
        "d": d,
        "cost": cost,
        "value": value,
        "seconds": time.perf_counter() - clock,
        "seconds_cpu": time.process_time() - cpu,
        "bytes": memory.peak() - before,
    }


def elsewhere(name, n, d, cost, limit):
    """`measure` in a fresh process; "value" is None when it ran past `limit` seconds. Errors as of
    `fresh.measured`."""
    asked = ["--only", name, "--sizes", n, "--dimensions", d, "--costs", cost, "--workdir", "."]
    late = {"solver": name, "n": n, "d": d, "cost": cost, "value": None, "seconds": limit}
    return fresh.measured(f"{name} at n = {n} failed", "transport_peers", asked, limit) or late


def run(
    workdir: str,
    sizes: list[int],
    dimensions: list[int],
    chosen: list[str],
    repeats: int,
    limit: float,
) -> list[dict]:
    """Every measurement within the limit, of the costs chosen; solvers take turns at each size.
    Those that are not installed are named, and left out."""
    path = Path(workdir) / "peers.json"
    rows = json.loads(path.read_text()) if path.exists() else []
    begin = time.perf_counter()
    here = [name for name in SOLVERS if installed(name)]
    if missing := [name for name in SOLVERS if name not in here]:
        print(f"not installed, and left out: {', '.join(missing)}", flush=True)
    for repeat, d, cost, n, name in itertools.product(
        range(repeats), dimensions, chosen, sorted(sizes), here
    ):
        own = [row for row in rows if _case(row) == (d, cost) and row["solver"] == name]
        done = any((row["n"], row["repeat"]) == (n, repeat) for row in own)
        slow = any(row["value"] is None and row["n"] <= n for row in own)
        if done or slow:
            continue
        row = elsewhere(name, n, d, cost, limit) | {"repeat": repeat}
        rows.append(row)
        files.write_json(path, rows)
        took = f"{row['seconds']:.2f} s" if row["value"] else f"over {limit:g} s"
        what = f"round {repeat + 1}, d = {d}, {cost}, n = {n}: {name}"
        print(f"{time.perf_counter() - begin:7.0f} s  {what} {took}", flush=True)
    return rows


def summarize(rows: list[dict]) -> str:
    """Markdown: a table per dimension and cost with a row per size and solver; medians over
    repeats, and the distance of the values."""
    lines = []
    for case in _cases(rows):
        lines += [
            f"d = {case[0]}, {case[1]}:",
            "",
            "| n | solver | seconds | min to max | CPU seconds | times ours | GiB | value - ours |",
            "|" + "---|" * 8,
        ]
        own = [row for row in rows if _case(row) == case]
        for n, name in itertools.product(sorted({row["n"] for row in own}), SOLVERS):
            lines += _line(n, name, _rows(own, name, n), _rows(own, "ours", n))
        lines.append("")
    return "\n".join(lines)


def _line(n, name, own, best):
    """A row of the table, if both were measured."""
    if not (own and best):
        return []
    seconds = [row["seconds"] for row in own]
    spent, least = (statistics.median(r["seconds_cpu"] for r in part) for part in (own, best))
    return [
        f"| {n:,} | {name} | {statistics.median(seconds):.3f} | "
        f"{min(seconds):.3f} to {max(seconds):.3f} | {spent:.3f} | {spent / least:.1f} | "
        f"{max(row['bytes'] for row in own) / 2**30:.2f} | "
        f"{own[0]['value'] - best[0]['value']:.1e} |"
    ]


def _case(row):
    return row["d"], row["cost"]


def _cases(rows):
    return sorted({_case(row) for row in rows})


def draw(rows: list[dict], path: str) -> None:
    """Processor seconds against n, a panel per dimension and cost, a line per solver."""
    cases = _cases(rows)
    figure, axes = drawing.panels(len(cases), min(2, len(cases)), 5, 3.8)
    every = sorted({row["n"] for row in rows})
    for panel, case in zip(axes, cases, strict=False):
        part = [row for row in rows if _case(row) == case]
        for name in SOLVERS:
            sizes = [n for n in every if _rows(part, name, n)]
            values = [
                statistics.median(row["seconds_cpu"] for row in _rows(part, name, n)) for n in sizes
            ]
            thick = 2.4 if name == "ours" else 1.2
            named = name if any(_rows(rows, name, n) for n in every) else None
            panel.plot(sizes, values, marker="o", markersize=4, linewidth=thick, label=named)
        panel.set(xscale="log", yscale="log", xlabel="points in each set (n)")
        panel.set(ylabel="processor seconds", title=f"d = {case[0]}, {case[1]}")
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
