"""The right images in the wrong proportions? What exact transport says about classes.

The exact W1 plan from generated to real examples, added up by class, is a matrix of flows: rows are
the classes of the generated examples, columns those of the real ones. Its margins are the two sets'
proportions. Whatever the plan, mass of at least the total variation between the margins must change
class; the optimal plan may move more across, where classes are close or examples unlike any.

A plan of equal masses sends mass to every real example, so it cannot say which are missed. A real
example is called missed if it is not among the NEAREST real ones of any generated example. Some are
missed by chance: compare with the share that as many other real examples miss.
"""

from typing import NamedTuple

import numpy as np

from gan import transport
from gan.referee import distances, resampling

NEAREST = 5
"""Real examples nearest to a generated one, none of which it misses."""

HALVES = 100
"""Half-samples behind the interval of the least change."""


class Proportions(NamedTuple):
    """Flows between classes, and the real examples that are missed.

    Attributes:
        flow: [c, c] share of the mass that goes from each generated to each real class; sums to 1.
        least_change: mass that must change class under any plan, in [0, 1].
        least_change_interval: 95 % interval of it, see gan.referee.resampling.
        plan_change: mass that changes class under the exact W1 plan, at least least_change.
        missed_share: share of real examples that are among the NEAREST of no generated one.
        missed: their rows, farthest from any generated example first.
    """

    flow: np.ndarray
    least_change: float
    least_change_interval: list[float]
    plan_change: float
    missed_share: float
    missed: np.ndarray


def proportions(
    generated: np.ndarray,
    generated_classes: np.ndarray,
    real: np.ndarray,
    real_classes: np.ndarray,
    num_classes: int,
) -> Proportions:
    """Proportions of generated examples [n, *shape] against real ones [m, *shape].

    Args:
        generated, real: examples; the plan's cost is their Euclidean distance.
        generated_classes, real_classes: integers [n] and [m] in 0 .. num_classes - 1.
        num_classes: number of classes (c).
    """
    if len(generated) == len(real):
        plan = transport.assignment(generated, real).plan
    else:
        plan = transport.plan(generated, real, cost="euclidean").plan
    flow = class_flow(plan, generated_classes, real_classes, num_classes)

    def least(rows=slice(None), columns=slice(None)):
        shares = (
            np.bincount(classes, minlength=num_classes) / len(classes)
            for classes in (generated_classes[rows], real_classes[columns])
        )
        return total_variation(*shares)

    value = least()
    on_halves = [least(*rows) for rows in resampling.halves((len(generated), len(real)), HALVES)]
    rows = missed_examples(generated, real)
    return Proportions(
        flow=flow,
        least_change=value,
        least_change_interval=np.clip(resampling.interval(value, on_halves), 0, 1).tolist(),
        plan_change=float(1 - np.trace(flow)),
        missed_share=len(rows) / len(real),
        missed=rows,
    )


def class_flow(plan, source: np.ndarray, target: np.ndarray, num_classes: int) -> np.ndarray:
    """Mass [c, c] that a sparse plan [n, m] moves from each source class to each target class."""
    arcs = plan.tocoo()
    flow = np.zeros((num_classes, num_classes))
    np.add.at(flow, (source[arcs.row], target[arcs.col]), arcs.data)
    return flow


def total_variation(a: np.ndarray, b: np.ndarray) -> float:
    """Half the sum of |a - b| of two probability vectors: the least mass that turns a into b."""
    return float(np.abs(a - b).sum() / 2)


def missed_examples(generated: np.ndarray, real: np.ndarray, count: int = NEAREST) -> np.ndarray:
    """Rows of the real examples [m, *shape] that are among the `count` nearest of no generated one
    [n, *shape], the one farthest from every generated example first."""
    _, near = distances.nearest(generated, real, min(count, len(real)))
    rows = np.setdiff1d(np.arange(len(real)), near)
    away, _ = distances.nearest(real, generated)
    return rows[np.argsort(-away[rows, 0], kind="stable")]
