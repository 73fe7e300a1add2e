"""Entropic transport through OTT-JAX, for comparison with the exact solvers.

OTT is imported on first use: it is an optional dependency (extra "entropic").
"""

import math
from typing import Any

import numpy as np

from gan.errors import UserError
from gan.transport import costs


def sinkhorn(x, y, epsilon: float, cost: str, max_iterations: int) -> dict:
    """Entropic transport (Cuturi 2013) between uniform sets.

    Args:
        x, y: [n, ...] and [m, ...] points.
        epsilon: regularisation in the unit of the cost, > 0.
        cost: "euclidean" or "sqeuclidean".
        max_iterations: of Sinkhorn's algorithm.

    Returns:
        primal (mean cost of the entropic plan, not below the optimum once converged), regularized
        (the entropic objective), potentials (u, v), converged, iterations. Computed in float32
        unless JAX has float64 enabled.

    Raises:
        UserError: for epsilon <= 0, an unsupported cost, or if OTT is not installed.
    """
    if not (epsilon > 0 and math.isfinite(epsilon)):
        raise UserError(f"epsilon must be positive and finite, got {epsilon}")
    if cost not in ("euclidean", "sqeuclidean"):
        raise UserError(f"cost must be euclidean or sqeuclidean, got {cost!r}")
    try:
        import jax
        import jax.numpy as jnp
        from ott.geometry import costs as ott_costs
        from ott.geometry import pointcloud
        from ott.problems.linear import linear_problem
        from ott.solvers.linear import sinkhorn as ott_sinkhorn
    except ImportError as error:
        raise UserError("entropic transport needs ott-jax: install gan[entropic]") from error
    geometry = costs.geometry(x, y, cost)
    function = ott_costs.Euclidean() if cost == "euclidean" else ott_costs.SqEuclidean()
    x, y = (jnp.asarray(np.float64(points)) for points in (geometry.x, geometry.y))
    unit = 2.0**geometry.exponent  # of the costs: the geometry's points are scaled
    cloud = pointcloud.PointCloud(x, y, cost_fn=function, epsilon=epsilon / unit)
    solver = ott_sinkhorn.Sinkhorn(max_iterations=max_iterations)
    with jax.numpy_rank_promotion("allow"):  # OTT relies on it
        out: Any = solver(linear_problem.LinearProblem(cloud))
    return {
        "primal": unit * float(out.primal_cost),
        "regularized": unit * float(out.reg_ot_cost),
        "potentials": tuple(unit * np.asarray(side) for side in (out.f, out.g)),
        "converged": bool(out.converged),
        "iterations": int(out.n_iters),
    }


def sinkhorn_divergence(x, y, epsilon: float, cost: str, max_iterations: int) -> float:
    """S(x, y) - S(x, x) / 2 - S(y, y) / 2 of the entropic objective S (Genevay et al. 2018).

    Zero for identical sets; tends to the exact value as epsilon tends to 0.
    """
    s = [
        sinkhorn(p, q, epsilon, cost, max_iterations)["regularized"]
        for p, q in ((x, y), (x, x), (y, y))
    ]
    return s[0] - s[1] / 2 - s[2] / 2
