"""Approximate solvers of transport that people use, measured and judged by the exact optimum.

They give a plan, a map or a permutation, and nothing about how good it is. Each one's answer is
rounded to a permutation, and `transport.certify_plan` bounds what it costs too much.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gan import files
from gan.benchmarks import fresh, peers, refinement
from gan.errors import UserError
from gan.inputs import unknown
from gan.reports import drawing

COSTS = ("sqeuclidean", "euclidean")
"""Costs that every solver here takes."""

_EPSILON, _ITERATIONS, _RANK, _STEP, _DIRECTIONS = 0.01, 2000, 32, 100.0, 200
"""Regularisation of Sinkhorn's algorithm in mean costs, and its iterations at most; rank of a
low-rank plan and its step; directions of slices."""
_MATRIX, _BLOCK = 12_000, 1 << 24
"""Points up to which OTT-JAX is asked where it holds the whole matrix (its passes in batches fail
with JAX 0.10); numbers that rounding holds at once."""
_LEAST = 1e-3
"""The least excess of a picture, in per cent."""


def sinkhorn(x, y, cost):
    """OTT-JAX: Sinkhorn's algorithm (Cuturi 2013), epsilon a hundredth of the mean cost, float32.
    Rounded by its plan's largest masses."""
    from ott.problems.linear import linear_problem
    from ott.solvers.linear import sinkhorn

    cloud = _cloud(x, y, cost, _EPSILON)

    def solve():
        solver = sinkhorn.Sinkhorn(max_iterations=_ITERATIONS)
        out = _lenient(solver, linear_problem.LinearProblem(cloud))
        f, g = np.asarray(out.f), np.asarray(out.g)
        return greedy(
            lambda i, j: f[i][:, None] + g[j] - _matrix(x[i], y[j], cost).astype(np.float32), len(x)
        )

    return solve


def low_rank(x, y, cost):
    """OTT-JAX: low-rank Sinkhorn (Scetbon et al. 2021) of rank 32 and gamma 100, float32. Rounded
    by its plan's largest masses."""
    from ott.problems.linear import linear_problem
    from ott.solvers.linear import sinkhorn_lr

    cloud = _cloud(x, y, cost, None)

    def solve():
        geometry = cloud.to_LRCGeometry() if cost == "sqeuclidean" else cloud
        solver = sinkhorn_lr.LRSinkhorn(rank=min(_RANK, len(x)), gamma=_STEP)
        out = _lenient(solver, linear_problem.LinearProblem(geometry))
        q, r, g = (np.asarray(part) for part in (out.q, out.r, out.g))
        return greedy(lambda i, j: (q[i] / g) @ r[j].T, len(x))

    return solve


def sliced(x, y, cost):
    """POT: the best of the permutations that sort both sets along 200 random directions (Mahey et
    al. 2023); nothing to round."""
    import ot

    def solve():
        plan, _ = ot.min_sliced_transport_plan(
            x, y, metric=cost, n_projections=_DIRECTIONS, seed=0, dense=False
        )
        found = np.empty(len(x), np.int64)
        found[plan.row] = plan.col
        return found

    return solve


def gaussian_map(x, y, cost):
    """POT: the linear map that is optimal, for the squared distance, between Gaussians of the same
    means and covariances. Rounded by the least distances from a mapped point."""
    import ot

    def solve():
        matrix, shift = ot.gaussian.empirical_bures_wasserstein_mapping(x, y)
        mapped = x @ matrix + shift
        return greedy(lambda i, j: -_matrix(mapped[i], y[j], "sqeuclidean"), len(x))

    return solve


def hierarchical(x, y, cost):
    """Hierarchical refinement (Halmos et al. 2025) by couplings of rank 2 (`refinement`); nothing
    to round."""
    return lambda: refinement.permutation(x, y, cost)


def early(x, y, cost):
    """gan.transport.assignment(gap=0.01): its own bounds say that a hundredth is proved."""
    from gan import transport

    return lambda: transport.assignment(x, y, cost, gap=0.01).permutation


SOLVERS: dict[str, Callable] = {
    "sinkhorn": sinkhorn,
    "low_rank": low_rank,
    "sliced": sliced,
    "gaussian_map": gaussian_map,
    "hierarchical": hierarchical,
    "early": early,
}
"""Each is solver(x, y, cost) -> solve, after its imports; solve() -> permutation [n]."""


def greedy(scores: Callable, n: int) -> np.ndarray:
    """A permutation from scores: every row asks for the free column of its greatest score, a column
    takes the greatest that asks, and the others ask again.

    Args:
        scores: (rows [r], columns [c]) -> [r, c].
        n: points of each side.

    Returns:
        s [n].
    """
    found = np.empty(n, np.int64)
    rows = columns = np.arange(n)
    while len(rows):
        step = max(1, _BLOCK // len(columns))
        best, most = np.empty(len(rows), np.int64), np.empty(len(rows))
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            block = scores(rows[part], columns)
            best[part] = block.argmax(axis=1)
            most[part] = block[np.arange(len(block)), best[part]]
        order = np.lexsort((-most, best))
        taken, first = np.unique(best[order], return_index=True)
        chosen = order[first]
        found[rows[chosen]] = columns[taken]
        rows, columns = np.delete(rows, chosen), np.delete(columns, taken)
    return found


def _matrix(x, y, cost):
    squared = (x * x).sum(axis=1)[:, None] + (y * y).sum(axis=1) - 2 * (x @ y.T)
    return squared if cost == "sqeuclidean" else np.sqrt(np.maximum(squared, 0))


def _cloud(x, y, cost, epsilon):
    import jax.numpy as jnp
    from ott.geometry import costs, pointcloud

    function = costs.SqEuclidean() if cost == "sqeuclidean" else costs.Euclidean()
    return pointcloud.PointCloud(
        jnp.asarray(x, jnp.float32),
        jnp.asarray(y, jnp.float32),
        cost_fn=function,
        epsilon=epsilon,
        relative_epsilon="mean" if epsilon else None,
    )


def _lenient(solver, problem):
    import jax

    with jax.numpy_rank_promotion("allow"):  # OTT relies on it
        return solver(problem)


def measure(name: str, n: int, d: int, cost: str, workdir: str) -> dict:
    """One solver's permutation, saved, in this process: seconds and processor seconds.

    Raises:
        UserError: for an unknown solver.
    """
    if name not in SOLVERS:
        raise UserError(unknown("solver", name, SOLVERS))
    solve = SOLVERS[name](*peers.sets(n, d), cost)
    clock, cpu = time.perf_counter(), time.process_time()
    found = solve()
    row = {"seconds": time.perf_counter() - clock, "seconds_cpu": time.process_time() - cpu}
    with files.replacing(_file(workdir, name, n, d, cost)) as file:
        np.save(file, found)
    return row


def judge(n: int, d: int, cost: str, workdir: str) -> dict:
    """The exact optimum in this process, and what every saved permutation costs beside it.

    Returns:
        Of "exact" and every solver: value, lower and upper (of the optimum), excess (at least and
        at most, a share of the optimum); of "exact" seconds and processor seconds.
    """
    from gan import transport

    x, y = peers.sets(n, d)
    clock, cpu = time.perf_counter(), time.process_time()
    best = transport.assignment(x, y, cost)
    times = {"seconds": time.perf_counter() - clock, "seconds_cpu": time.process_time() - cpu}
    rows = {}
    for name in ("exact", *SOLVERS):
        path = _file(workdir, name, n, d, cost)
        if name == "exact" or path.exists():
            plan = best.permutation if name == "exact" else np.load(path)
            given = transport.certify_plan(x, y, plan, cost, optimal=best)
            rows[name] = {
                "value": given.value,
                "lower": given.lower,
                "upper": given.upper,
                "excess": given.excess,
            }
    rows["exact"] |= times
    return rows


def elsewhere(name, n, d, cost, workdir, limit):
    """`measure`, or `judge` for "exact", in a fresh process; None when it ran past `limit` seconds.
    Errors as of `fresh.measured`."""
    asked = ["--only", name, "--sizes", n, "--dimensions", d, "--cost", cost, "--workdir", workdir]
    return fresh.measured(f"{name} at n = {n} failed", "transport_approximations", asked, limit)


def run(workdir: str, sizes: list[int], dimensions: list[int], cost: str, limit: float) -> list:
    """Rows of every solver within the limit, judged; what is in the workdir is not measured again.

    A row without "value" is that of a solver that ran past the limit, which is then not asked for
    larger sets of as many dimensions. Where OTT-JAX would hold the whole matrix of many points it
    is not asked.
    """
    path = Path(workdir) / "approximations.json"
    rows = json.loads(path.read_text()) if path.exists() else []
    for d in dimensions:
        for n in sorted(sizes):
            own = {r["solver"]: r for r in rows if (r["n"], r["d"], r["cost"]) == (n, d, cost)}
            if "exact" in own:
                continue
            for name in SOLVERS:
                if name in own or _large(name, n, cost) or _slow(rows, name, n, d, cost):
                    continue
                found = elsewhere(name, n, d, cost, workdir, limit)
                took = f"over {limit:g} s" if found is None else f"{found['seconds']:.1f} s"
                print(f"d = {d}, n = {n:,}: {name} {took}", flush=True)
                own[name] = {"solver": name, "n": n, "d": d, "cost": cost, **(found or {})}
                rows.append(own[name])
                files.write_json(path, rows)
            judged = elsewhere("exact", n, d, cost, workdir, None)
            rows.append({"solver": "exact", "n": n, "d": d, "cost": cost} | judged.pop("exact"))
            for name, row in judged.items():
                own[name].update(row)
            files.write_json(path, rows)
    return rows


def _large(name, n, cost):
    return n > _MATRIX and (name == "sinkhorn" or (name, cost) == ("low_rank", "euclidean"))


def _slow(rows, name, n, d, cost):
    return any(
        (r["solver"], r["d"], r["cost"]) == (name, d, cost) and r["n"] < n and "seconds" not in r
        for r in rows
    )


def summarize(rows: list[dict]) -> str:
    """Markdown: a row per set and solver."""
    lines = [
        "| cost | d | n | solver | mean cost | optimum, at least | excess, at most | seconds | "
        "processor seconds |",
        "|" + "---|" * 9,
    ]
    for cost, d, n in sorted({(r["cost"], r["d"], r["n"]) for r in rows}):
        for name in ("exact", *SOLVERS):
            for row in rows:
                if (row["cost"], row["d"], row["n"], row["solver"]) != (cost, d, n, name):
                    continue
                start = f"| {cost} | {d} | {n:,} | {name} |"
                if "value" not in row:
                    lines.append(f"{start} | | | over the limit | |")
                    continue
                lines.append(
                    f"{start} {row['value']:.6g} | {row['lower']:.6g} | "
                    f"{_percent(row['excess'][1])} | {row['seconds']:.2f} | "
                    f"{row['seconds_cpu']:.2f} |"
                )
    return "\n".join(lines) + "\n"


def _percent(share):
    if share < 1e-9:
        return "0"
    return f"{100 * share:.3g} %" if share < 1 else f"{100 * share:,.0f} %"


def draw(rows: list[dict], path: str) -> None:
    """Excess against processor seconds, a panel per cost and dimension, a line per solver through
    its sizes; the marker grows with n. The exact optimum is at its time, at the lower edge."""
    panels = sorted({(r["cost"], r["d"]) for r in rows})
    figure, axes = drawing.panels(len(panels), 2, 5, 3.8)
    every = sorted({r["n"] for r in rows})
    for panel, (cost, d) in zip(axes, panels, strict=True):
        for name in ("exact", *SOLVERS):
            own = [
                r
                for r in rows
                if (r["cost"], r["d"], r["solver"]) == (cost, d, name) and "value" in r
            ]
            own.sort(key=lambda r: r["n"])
            times = [r["seconds_cpu"] for r in own]
            excess = [max(100 * r["excess"][1], _LEAST) for r in own]
            line = panel.plot(times, excess, linewidth=1, label=name)[0]
            sizes = [20 + 25 * every.index(r["n"]) for r in own]
            panel.scatter(times, excess, s=sizes, color=line.get_color())
        panel.set(
            xscale="log",
            yscale="log",
            xlabel="processor seconds",
            ylabel=f"excess, % of the optimum ({_LEAST:g}: or less)",
            title=f"{cost}, d = {d}",
        )
        panel.grid(alpha=0.25, linewidth=0.6)
    axes[0].legend(fontsize="small")
    drawing.save(figure, path)


def _file(workdir, name, n, d, cost) -> Path:
    return Path(workdir) / f"{name}-{cost}-{d}-{n}.npy"
