"""Part 1: six points to six points, all permutations, and the removal of crossings."""

import numpy as np
from scipy.spatial.distance import cdist

from experiments.article.crossings import crossings, uncross
from gan import transport
from gan.reports import drawing
from gan.reports.story import Part, PartContext, Picture
from gan.transport import brute_force

POINTS = 6
SHOWN_FRAMES = 8


def instance(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """n sources and n targets, uniform in the unit square."""
    points = np.random.default_rng(seed).uniform(size=(2, n, 2))
    return points[0], points[1]


def counterexample(seed: int, n: int, excess: float):
    """The first instance from `seed` on where a permutation without crossings is too expensive.

    Returns:
        (x, y, permutation, best, ratio, tried): the most expensive permutation without crossings,
        the optimum, the ratio of their costs, at least 1 + excess, and how many instances were
        looked at.
    """
    tried = 0
    while True:
        x, y = instance(seed + tried, n)
        tried += 1
        permutations, costs = brute_force.every_permutation(cdist(x, y))
        for index in np.argsort(-costs):
            if costs[index] < (1 + excess) * costs.min():
                break
            if not crossings(x, y, permutations[index]):
                best = permutations[np.argmin(costs)]
                ratio = float(costs[index] / costs.min())
                return x, y, permutations[index], best, ratio, tried


def compute(context: PartContext) -> dict:
    """All permutations of one instance, their crossings, and one counterexample."""
    n = POINTS
    x, y = instance(context.seed, n)
    matrix = cdist(x, y)
    permutations, costs = brute_force.every_permutation(matrix)
    best, worst = permutations[np.argmin(costs)], permutations[np.argmax(costs)]
    drawn = np.arange(n)
    exact = transport.assignment(x, y)
    bounds = transport.verify(exact.certificate, x, y)
    uncrossed = np.array([not crossings(x, y, p) for p in permutations])
    ends = [list(uncross(x, y, p))[-1] for p in permutations]
    arrived = np.array([(end == best).all() for end in ends])
    frames = list(uncross(x, y, worst))
    frame_costs = [float(matrix[drawn, p].mean()) for p in frames]

    figure, axes = drawing.panels(2, 2, 3.4, 3.6)
    for panel, permutation, name in ((axes[0], drawn, "as drawn"), (axes[1], best, "cheapest")):
        _draw(panel, x, y, permutation, name)
    drawing.save(figure, context.path("two"))
    _histogram(context.path("histogram"), costs, matrix[drawn, drawn].mean())
    shown = np.unique(np.linspace(0, len(frames) - 1, SHOWN_FRAMES).round().astype(int))
    across = drawing.columns(len(shown))
    figure, axes = drawing.panels(len(shown), across, 8.8 / across, 8.8 / across + 0.25)
    for panel, k in zip(axes, shown, strict=True):
        _draw(panel, x, y, frames[k], f"after {k}" if k else "most expensive")
    drawing.save(figure, context.path("frames"))
    cx, cy, stuck, stuck_best, ratio, tried = counterexample(
        context.seed, n, context.sizes["excess"]
    )
    figure, axes = drawing.panels(2, 2, 3.4, 3.6)
    _draw(axes[0], cx, cy, stuck, "no crossing")
    _draw(axes[1], cx, cy, stuck_best, "cheapest")
    drawing.save(figure, context.path("stuck"))

    return {
        "points": n,
        "permutations": len(permutations),
        "drawn_cost": float(matrix[drawn, drawn].mean()),
        "drawn_crossings": len(crossings(x, y, drawn)),
        "drawn_rank": int((costs < matrix[drawn, drawn].mean()).sum()) + 1,
        "mean_cost": float(costs.mean()),
        "best": best.tolist(),
        "best_cost": float(costs.min()),
        "worst_cost": float(costs.max()),
        "worst_crossings": len(crossings(x, y, worst)),
        "solver_cost": exact.value,
        "certified_gap": bounds.gap,
        "frame_costs": frame_costs,
        "frame_crossings": [len(crossings(x, y, p)) for p in frames],
        "removals": len(frames) - 1,
        "last_cost": frame_costs[-1],
        "uncrossed": int(uncrossed.sum()),
        "arrived_share": float(arrived.mean()),
        "stuck_ratio": ratio,
        "stuck_excess": ratio - 1,
        "stuck_tried": tried,
        "stuck_cost": float(cdist(cx, cy)[drawn, stuck].mean()),
        "stuck_best_cost": float(cdist(cx, cy)[drawn, stuck_best].mean()),
    }


def _draw(axes, x, y, permutation, name):
    cost = np.linalg.norm(x - y[permutation], axis=1).mean()
    crossed = len(crossings(x, y, permutation))
    drawing.plane(axes, f"{name}\ncost {cost:.4f}, crossings: {crossed}", x, y)
    drawing.segments(axes, x, y[permutation])
    drawing.scatter(axes, x, y, 45)


def _histogram(path, costs, drawn):
    figure, axes = drawing.chart(7.2, 2.9)
    axes.hist(costs, bins=36, color=drawing.FAINT)
    for value, name, color in (
        (costs.min(), "cheapest", drawing.SOURCE),
        (drawn, "as drawn", drawing.TARGET),
    ):
        axes.axvline(value, color=color, linewidth=2, label=f"{name}: {value:.4f}")
    axes.set(xlabel="mean length of the arrows", ylabel="permutations")
    axes.legend(fontsize="small")
    drawing.save(figure, path)


def story(numbers: dict) -> list:
    """Templates of the part."""
    found = numbers["last_cost"] <= numbers["best_cost"] * (1 + 1e-12)
    return [
        "Take six blue points and six red ones. Every blue point must be sent to a red one of its "
        "own, and the price of a pairing is the average distance travelled. Gaspard Monge asked "
        "for the cheapest pairing in 1781, with heaps of earth in place of points.",
        "Six points can be paired in {permutations} ways, few enough to try them all. The pairing "
        "in the order in which the points happened to be drawn costs {drawn_cost:.4f}, "
        "which is place {drawn_rank} in the ranking. The cheapest costs {best_cost:.4f}.",
        Picture("two", "The same points twice: paired as they were drawn, and paired best."),
        "Here is the price of every one of the {permutations}. A pairing picked blindly costs "
        "{mean_cost:.4f} on average. Good pairings are rare, and nothing in this picture says how "
        "to find them without trying all.",
        Picture("histogram", "All {permutations} prices, with the two pairings above marked."),
        "One thing helps in the plane: the cheapest pairing has no crossings. Two arrows that "
        "cross are the diagonals of a quadrilateral, and two of its sides lead to the same "
        "targets by a shorter way. So remove a crossing, then another. Starting from the worst "
        "pairing of all, with {worst_crossings} crossings and price {worst_cost:.4f}, it takes "
        "{removals} exchanges until none is left.",
        Picture("frames", "Crossings removed one at a time; the price falls at every exchange."),
        "The price has come down to {last_cost:.4f}, "
        + (
            "and this time that is the optimum. It need not be: "
            if found
            else "which is not the optimum, whose price is {best_cost:.4f}. No wonder: "
        )
        + "{uncrossed} of the {permutations} pairings have no crossing at all, and "
        "only one of them is the cheapest. Of all possible starting points, {arrived_share:.1%} "
        "lead there by this road.",
        "The gap can be wide. "
        + (
            "The very points above have a pairing without a crossing "
            if numbers["stuck_tried"] == 1
            else "Among {stuck_tried} drawings of as many points, the last has a pairing without a "
            "crossing "
        )
        + "that costs {stuck_cost:.4f}, which is {stuck_excess:.0%} more than the best price, "
        "{stuck_best_cost:.4f}. Looking at two arrows at a time is not enough; the optimum is a "
        "property of all of them together.",
        Picture("stuck", "Free of crossings, and yet too expensive; beside it, the optimum."),
        "An exact solver needs no list of permutations. It finds {solver_cost:.4f} too, and hands "
        "over a certificate from which anyone can compute a bound from below. Here the bound and "
        "the price differ by {certified_gap:.1g}, no more than rounding can: that is a proof.",
    ]


PART = Part(
    name="six_points",
    title="1. Six points to six points",
    sizes={"excess": 0.1},
    compute=compute,
    story=story,
)
