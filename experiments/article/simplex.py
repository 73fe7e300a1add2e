"""Dantzig's simplex method for the transportation problem, one pivot at a time.

The basis is a spanning tree of the graph of sources and targets: n + m - 1 arcs, whose flows the
masses determine. Prices u, v with u_i + v_j = c_ij on the tree are read off it; an arc that costs
less than u_i + v_j is worth using. The most profitable one enters, flow is pushed around the cycle
it closes, and the arc that runs empty first leaves (Dantzig 1951).

Equal masses make many flows zero, and pivots that move nothing could repeat for ever. The classical
remedy (Orden 1956) gives every source one grain more and the last target all the grains; masses are
counted in units of so many grains that rounding takes the grains away again.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np


class Step(NamedTuple):
    """A vertex of the polytope of plans, and how the method came to it."""

    plan: np.ndarray
    """[n, m] integer masses."""
    cost: float
    """Total cost of the plan."""
    basis: list[tuple[int, int]]
    """The n + m - 1 arcs of the tree."""
    prices: tuple[np.ndarray, np.ndarray]
    """(u [n], v [m]) with u_i + v_j = c_ij on the basis."""
    entered: tuple[int, int] | None
    """Arc that the last pivot brought in; None at the start."""
    profit: float
    """What that arc saved per unit of mass."""


def pivots(matrix: np.ndarray, a: np.ndarray, b: np.ndarray) -> Iterator[Step]:
    """Every vertex from the north-west corner to the optimum.

    Args:
        matrix: [n, m] costs.
        a, b: [n] and [m] positive integer masses of equal sums.
    """
    n, m = matrix.shape
    grains = 2 * n + 1
    supply, demand = grains * np.asarray(a) + 1, grains * np.asarray(b)
    demand[-1] += n
    flow = _north_west(supply, demand)
    tolerance = 1e-12 * np.abs(matrix).max()
    entered, profit = None, 0.0
    while True:
        plan = np.zeros((n, m), np.int64)
        for (i, j), mass in flow.items():
            plan[i, j] = round(mass / grains)
        u, v = _prices(matrix, flow)
        yield Step(plan, float((plan * matrix).sum()), sorted(flow), (u, v), entered, profit)
        reduced = matrix - u[:, None] - v
        i, j = np.unravel_index(np.argmin(reduced), reduced.shape)
        if reduced[i, j] >= -tolerance:
            return
        entered, profit = (int(i), int(j)), float(-reduced[i, j])
        path = _path(flow, *entered)
        losing, gaining = path[0::2], path[1::2]
        leaving = min(losing, key=flow.__getitem__)
        moved = flow[leaving]
        for arc in losing:
            flow[arc] -= moved
        for arc in gaining:
            flow[arc] += moved
        del flow[leaving]
        flow[entered] = moved


def _north_west(supply, demand) -> dict[tuple[int, int], int]:
    """The first plan: fill the table from its upper left corner, never looking at the costs."""
    supply, demand = supply.tolist(), demand.tolist()
    flow, i, j = {}, 0, 0
    while i < len(supply) and j < len(demand):
        flow[i, j] = moved = min(supply[i], demand[j])
        supply[i] -= moved
        demand[j] -= moved
        i, j = (i + 1, j) if supply[i] == 0 else (i, j + 1)
    return flow


def _prices(matrix, flow):
    u, v = np.full(len(matrix), np.nan), np.full(matrix.shape[1], np.nan)
    u[0] = 0.0
    left = set(flow)
    while left:
        for i, j in sorted(left):
            if not np.isnan(u[i]):
                v[j] = matrix[i, j] - u[i]
            elif not np.isnan(v[j]):
                u[i] = matrix[i, j] - v[j]
            else:
                continue
            left.discard((i, j))
    return u, v


def _path(flow, source: int, target: int) -> list[tuple[int, int]]:
    """Arcs of the tree from row `source` to column `target`, in order."""
    stack = [(("row", source), [])]
    while stack:
        (side, k), path = stack.pop()
        if (side, k) == ("column", target):
            return path
        for arc in flow:
            if arc[side == "column"] == k and (not path or arc != path[-1]):
                other = ("column", arc[1]) if side == "row" else ("row", arc[0])
                stack.append((other, [*path, arc]))
    raise AssertionError("the basis is not a tree")
