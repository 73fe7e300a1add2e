"""Part 2: matrix games, whose value a linear program proves."""

import numpy as np

from gan.games import matrix
from gan.reports import drawing
from gan.reports.story import Grid, Part, PartContext, Picture

CLASSICS = {
    "matching pennies": [[1, -1], [-1, 1]],
    "rock, paper, scissors": [[0, -1, 1], [1, 0, -1], [-1, 1, 0]],
    "rock counts double": [[0, -1, 2], [1, 0, -1], [-2, 1, 0]],
}
ENUMERABLE = 6
"""Games of at most this many rows and columns are also solved support by support."""


def compute(context: PartContext) -> dict:
    """Values three ways, and the exploitability of every method of play."""
    draw = np.random.default_rng(context.seed)
    games = {name: np.array(rows, np.float64) for name, rows in CLASSICS.items()}
    for n, m in context.sizes["random"]:
        games[f"random {n} x {m}"] = draw.normal(size=(n, m))
    steps = context.sizes["steps"]
    rows, curves = [], {}
    for name, payoffs in games.items():
        n, m = payoffs.shape
        solved = matrix.solve(payoffs)
        start = draw.dirichlet(np.ones(n)), draw.dirichlet(np.ones(m))
        rate = 1 / (8 * np.linalg.norm(payoffs, 2))
        row = {
            "name": name,
            "value": solved.value,
            "proof": solved.upper - solved.lower,
            "supports": None,
            "play": {},
        }
        if max(n, m) <= ENUMERABLE:
            row["supports"] = abs(matrix.by_supports(payoffs).value - solved.value)
        for method in matrix.PLAY:
            played = matrix.play(payoffs, method, rate, steps, start)
            last = matrix.exploitability(payoffs, played.x, played.y)
            mean = matrix.exploitability(payoffs, played.mean_x, played.mean_y)
            lower, upper = matrix.bounds(payoffs, played.x[-1], played.y[-1])
            curves[name, method] = last, mean
            row["play"][method] = {
                "last": float(last[-1]),
                "mean": float(mean[-1]),
                "outside": float(max(lower - solved.value, solved.value - upper, 0.0)),
                "value_error": float(abs(played.x[-1] @ payoffs @ played.y[-1] - solved.value)),
            }
        rows.append(row)
    _draw(context.path("exploitability"), list(games), curves)
    supports = [row["supports"] for row in rows if row["supports"] is not None]
    plays = [play for row in rows for play in row["play"].values()]
    led = [
        min(row["play"][m]["value_error"] for m in ("optimistic gradient", "extragradient"))
        for row in rows
    ]
    return {
        "games": len(rows),
        "steps": steps,
        "enumerated": len(supports),
        "largest_proof": max(row["proof"] for row in rows),
        "largest_supports": max(supports),
        "largest_outside": max(play["outside"] for play in plays),
        "reached": sum(error < 1e-9 for error in led),
        "rows": rows,
    }


def _draw(path: str, names, curves) -> None:
    figure, every = drawing.panels(len(names), drawing.columns(len(names)), 3.1, 2.7)
    colours = dict(zip(matrix.PLAY, ("C3", "C0", "C2", "C1", "C4"), strict=True))
    for axes, name in zip(every, names, strict=True):
        for method, colour in colours.items():
            last, mean = curves[name, method]
            rounds = np.unique(np.geomspace(1, len(last), 300).astype(int))
            shown = np.maximum(last[rounds - 1], 1e-16), np.maximum(mean[rounds - 1], 1e-16)
            axes.plot(rounds, shown[0], color=colour, linewidth=1.1, label=method)
            axes.plot(rounds, shown[1], color=colour, linewidth=0.8, linestyle=":")
        axes.set(xscale="log", yscale="log", ylim=(3e-17, 6))
        axes.set_title(name, fontsize=9)
        axes.grid(alpha=0.25, linewidth=0.6)
    every[0].legend(fontsize=6)
    every[0].set(ylabel="exploitability")
    every[-1].set(xlabel="round")
    drawing.save(figure, path)


def story(numbers: dict) -> list:
    """Templates of the part."""
    values = tuple(
        (
            row["name"],
            f"{{rows[{k}][value]:.9f}}",
            f"{{rows[{k}][proof]:.0e}}",
            "not tried" if row["supports"] is None else f"{{rows[{k}][supports]:.0e}}",
        )
        for k, row in enumerate(numbers["rows"])
    )
    plays = tuple(
        (row["name"],)
        + tuple(
            f"{{rows[{k}][play][{m}][last]:.0e}} ({{rows[{k}][play][{m}][mean]:.0e}})"
            for m in matrix.PLAY
        )
        for k, row in enumerate(numbers["rows"])
    )
    return [
        "Two players with finitely many choices each play a matrix game, and a linear program "
        "finds what it is worth. The program's strategies prove their value: the best response to "
        "either bounds it from one side. Over {games} games the two bounds differ by at most "
        "{largest_proof:.0e}; solving for the equilibrium support by support, without an "
        "optimiser, gives the same values within {largest_supports:.0e} on the {enumerated} games "
        "small enough for it.",
        Grid(("game", "value", "upper - lower bound", "difference to supports"), values),
        "How much the two players could gain by best responses is their exploitability: the "
        "duality gap of the game. Players who follow their gradients circle as the Dirac-GAN does, "
        "and only the average of their strategies comes near. Players who guess the next gradient "
        "(optimistic) or look one step ahead (extragradient) arrive: after {steps:,} rounds one of "
        "the two has the linear program's value within 1e-9 on {reached} of {games} games.",
        Picture(
            "exploitability",
            "Exploitability of the last strategies (lines) and of averaged ones (dotted).",
        ),
        Grid(("game; last (averaged)", *matrix.PLAY), plays),
        "At no time did a value leave the bounds that the players' own best responses prove; the "
        "largest excess was {largest_outside:.0e}.",
    ]


PART = Part(
    name="matrices",
    title="2. Matrices, and a linear program as referee",
    sizes={"steps": 20_000, "random": [[3, 3], [4, 5], [6, 6], [10, 10], [20, 30]]},
    compute=compute,
    story=story,
)
