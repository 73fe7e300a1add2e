"""Part 3: plans that split, vertices that do not, prices, and the simplex pivot by pivot."""

import numpy as np
from scipy.optimize import linear_sum_assignment, linprog
from scipy.spatial.distance import cdist

from experiments.article import simplex
from experiments.article.six_points import POINTS, instance
from gan import transport
from gan.reports import drawing
from gan.reports.story import Part, PartContext, Picture

SHOWN_PIVOTS = 12


def vertex(matrix: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Optimal vertex [n, m] of the polytope of plans, by a general dual simplex (HiGHS).

    Args:
        matrix: [n, m] costs.
        a, b: [n] and [m] masses of equal sums.
    """
    n, m = matrix.shape
    rows = np.kron(np.eye(n), np.ones((1, m)))
    columns = np.kron(np.ones((1, n)), np.eye(m))
    found = linprog(
        matrix.ravel(),
        A_eq=np.concatenate([rows, columns]),
        b_eq=np.concatenate([a, b]),
        bounds=(0, None),
        method="highs-ds",
    )
    if found.status != 0:
        raise RuntimeError(f"the linear program was not solved: {found.message}")
    return found.x.reshape(n, m)


def integrality(seed: int, instances: int, largest: int) -> dict:
    """How far optimal vertices of random problems with equal masses are from permutations.

    Returns:
        {"instances", "permutations": how many vertices are one after rounding, "distance": largest
        distance of an entry from 0 or 1, "disagreement": largest difference of value from the
        assignment's}.
    """
    draw = np.random.default_rng(seed)
    good, distance, disagreement = 0, 0.0, 0.0
    for _ in range(instances):
        n = int(draw.integers(2, largest + 1))
        matrix = draw.uniform(size=(n, n))
        plan = vertex(matrix, np.ones(n), np.ones(n))
        rounded = np.rint(plan)
        distance = max(distance, float(np.abs(plan - rounded).max()))
        good += bool((rounded.sum(0) == 1).all() and (rounded.sum(1) == 1).all())
        best = matrix[linear_sum_assignment(matrix)].sum()
        disagreement = max(disagreement, abs(float((plan * matrix).sum() - best)))
    return {
        "instances": instances,
        "permutations": good,
        "distance": distance,
        "disagreement": disagreement,
    }


def compute(context: PartContext) -> dict:
    """A weighted plan; integrality; prices and pivots of the six points."""
    seed, sizes = context.seed, context.sizes
    numbers = {"split": _split(context)}
    numbers["vertices"] = integrality(seed, sizes["instances"], sizes["largest"])
    n = POINTS
    x, y = instance(seed, n)
    matrix = cdist(x, y)
    exact = transport.assignment(x, y)
    u, v = exact.potentials
    shift = float(u.min())
    u, v = u - shift, v + shift
    slack = matrix - u[:, None] - v
    used = np.zeros((n, n), bool)
    used[np.arange(n), exact.permutation] = True
    figure, (axes,) = drawing.panels(1, 1, 5.2, 5.2)
    drawing.plane(axes, "prices", x, y, margin=0.12)
    drawing.segments(axes, x, y[exact.permutation])
    drawing.scatter(axes, x, y, 45)
    for points, prices, color, up in ((x, u, drawing.SOURCE, 5), (y, v, drawing.TARGET, -13)):
        for point, price in zip(points, prices, strict=True):
            axes.annotate(
                f"{price:.3f}",
                point,
                textcoords="offset points",
                xytext=(5, up),
                fontsize=9,
                color=color,
            )
    drawing.save(figure, context.path("prices"))
    numbers["prices"] = {
        "u": u.tolist(),
        "v": v.tolist(),
        "sum": float(u.sum() + v.sum()),
        "total": float(matrix[used].sum()),
        "pairs": n * n,
        "largest_slack_used": float(np.abs(slack[used]).max()),
        "smallest_slack": float(slack.min()),
        "smallest_slack_unused": float(slack[~used].min()),
    }
    ones = np.ones(n, np.int64)
    steps = list(simplex.pivots(matrix, ones, ones))
    numbers["simplex"] = _watch(context, x, y, steps)
    numbers["simplex"]["optimum"] = float((vertex(matrix, ones, ones) * matrix).sum() / n)
    return numbers


def _split(context: PartContext) -> dict:
    draw = np.random.default_rng(context.seed)
    a, b = np.array([0.5, 0.3, 0.2]), np.full(4, 0.25)
    x = np.stack([np.full(3, 0.0), np.array([0.9, 0.5, 0.1])], axis=1)
    y = np.stack([np.full(4, 1.0), np.linspace(0, 1, 4)], axis=1)
    x, y = (points + draw.uniform(-0.1, 0.1, points.shape) for points in (x, y))
    result = transport.plan(x, y, a, b, cost="euclidean")
    plan = result.plan.tocoo()
    figure, (axes,) = drawing.panels(1, 1, 5.2, 4.6)
    drawing.plane(axes, "a plan that splits", x, y, margin=0.14)
    for i, j, mass in zip(plan.row, plan.col, plan.data, strict=True):
        drawing.segments(axes, x[[i]], y[[j]], linewidth=24 * mass, alpha=0.6)
        middle = 0.5 * x[i] + 0.5 * y[j]
        axes.annotate(f"{mass:.2f}", middle, fontsize=8, ha="center", va="bottom", zorder=4)
    axes.scatter(*x.T, s=900 * a, color=drawing.SOURCE, zorder=3, linewidths=0)
    axes.scatter(*y.T, s=900 * b, color=drawing.TARGET, marker="s", zorder=3, linewidths=0)
    for points, masses, side in ((x, a, -0.09), (y, b, 0.09)):
        for point, mass in zip(points, masses, strict=True):
            place = point + np.array([side, 0])
            axes.annotate(f"{mass:g}", place, fontsize=9, ha="center", va="center")
    drawing.save(figure, context.path("split"))
    targets = np.bincount(plan.row, minlength=len(x))
    return {
        "sources": len(x),
        "targets": len(y),
        "masses": a.tolist(),
        "demand": float(b[0]),
        "first_mass": float(a[0]),
        "first_targets": int(targets[0]),
        "splitting": int((targets > 1).sum()),
        "arcs": int(plan.nnz),
        "arcs_limit": len(x) + len(y) - 1,
        "value": result.value,
        "gap": result.gap,
    }


def _watch(context, x, y, steps) -> dict:
    n = len(x)
    costs = [step.cost / n for step in steps]
    figure, axes = drawing.chart(7.2, 2.7)
    axes.step(range(len(costs)), costs, where="post", color=drawing.SOURCE, linewidth=1.6)
    axes.plot(range(len(costs)), costs, "o", color=drawing.SOURCE, markersize=4)
    axes.axhline(costs[-1], color=drawing.TARGET, linestyle="--", linewidth=1, label="optimum")
    axes.set(xlabel="pivot", ylabel="mean length of the arrows")
    axes.legend(fontsize="small")
    drawing.save(figure, context.path("pivots"))
    shown = np.unique(np.linspace(0, len(steps) - 1, SHOWN_PIVOTS).round().astype(int))
    figure, axes = drawing.panels(len(shown), 4, 2.2, 2.45)
    for panel, k in zip(axes, shown, strict=True):
        name = f"after pivot {k}" if k else "start"
        drawing.plane(panel, f"{name}\ncost {costs[k]:.4f}", x, y)
        tree = np.array(steps[k].basis)
        drawing.segments(
            panel, x[tree[:, 0]], y[tree[:, 1]], color=drawing.FAINT, linewidth=1, zorder=1
        )
        rows, columns = np.nonzero(steps[k].plan)
        drawing.segments(panel, x[rows], y[columns])
        if steps[k].entered is not None:
            i, j = steps[k].entered
            drawing.segments(panel, x[[i]], y[[j]], color=drawing.ACCENT, linewidth=2.2)
        drawing.scatter(panel, x, y, 40)
    drawing.save(figure, context.path("trees"))
    moved = sum(bool((s.plan != t.plan).any()) for s, t in zip(steps, steps[1:], strict=False))
    return {
        "pivots": len(steps) - 1,
        "costs": costs,
        "profits": [step.profit for step in steps[1:]],
        "first_cost": costs[0],
        "last_cost": costs[-1],
        "moved": moved,
        "idle": len(steps) - 1 - moved,
        "tree": len(steps[0].basis),
        "all_permutations": all(
            (s.plan.sum(0) == 1).all() and (s.plan.sum(1) == 1).all() and s.plan.max() == 1
            for s in steps
        ),
    }


def story(numbers: dict) -> list:
    """Templates of the part."""
    return [
        "Monge's pairing breaks down as soon as the points are not equally heavy. Leonid "
        "Kantorovich's way out, in 1942, was to let a source split what it has. A plan is then a "
        "table of masses with prescribed sums of rows and columns, and its price is linear in it.",
        "Below, {split[sources]} sources serve {split[targets]} targets that want "
        "{split[demand]:g} each. The first source holds {split[first_mass]:g} and cannot but "
        "split: it serves {split[first_targets]} targets. In all, {split[splitting]} sources "
        "split, and {split[arcs]} of the arcs carry mass. There is always an optimal plan with at "
        "most {split[arcs_limit]}, the number of points less one.",
        Picture(
            "split",
            "Discs and squares are as large as their masses, arrows as wide as the mass they "
            "carry. Price {split[value]:.4f}.",
        ),
        "What if all masses are equal after all? Plans may split, so they could be cheaper than "
        "pairings. They never are: the corners of the set of plans are exactly the permutations "
        "(Birkhoff 1946), and a linear price is lowest at a corner. On {vertices[instances]} "
        "random instances a general linear programming solver, which knows nothing of "
        "permutations, returned a permutation {vertices[permutations]} times; the largest "
        "distance of an entry from zero or one was {vertices[distance]:.1g}.",
        "Every linear program has a second face. Imagine a carrier who takes over the six "
        "transports of part one and charges a price at every blue point and another at every red "
        "one. Nobody hires the carrier if some pair is cheaper to drive oneself. The most that the "
        "carrier can earn is {prices[sum]:.4f}, and the best pairing costs {prices[total]:.4f} in "
        "all: the same number.",
        Picture(
            "prices",
            "Prices of pick-up (blue) and delivery (red), found together with the pairing. Only "
            "their sums matter: a constant may be moved from all blue ones to all red ones.",
        ),
        "That is a proof one can check by hand. On all {prices[pairs]} pairs the two prices add up "
        "to no more than the distance (the least of the differences is "
        "{prices[smallest_slack]:.1g}), and on the arrows they add up to it exactly (to within "
        "{prices[largest_slack_used]:.1g}). So no pairing can be cheaper. The critic of a "
        "Wasserstein GAN is an attempt to learn these prices with a network.",
        "How does one find the prices? George Dantzig's simplex, in the form he gave it for "
        "transport in 1951, keeps a tree of {simplex[tree]} arcs and reads prices off it. Then it "
        "asks every other arc whether it is cheaper than its prices, takes in the most profitable "
        "one (orange), and drops the arc that runs empty.",
        Picture(
            "trees",
            "The plan after each pivot. Grey: arcs of the tree that carry nothing. Orange: the arc "
            "that just came in.",
        ),
        "It starts at {simplex[first_cost]:.4f}, the pairing in the order of drawing, and stops "
        "after {simplex[pivots]} pivots at {simplex[last_cost]:.4f}, when no arc is profitable "
        "any more. Of the pivots, {simplex[moved]} changed the pairing and {simplex[idle]} only "
        "the prices: with equal masses the tree is larger than the pairing, and the method "
        "sometimes has to think before it moves.",
        Picture("pivots", "The price after each pivot; it never rises."),
    ]


PART = Part(
    name="kantorovich",
    title="3. Kantorovich: plans and prices",
    sizes={"instances": 200, "largest": 7},
    compute=compute,
    story=story,
)
