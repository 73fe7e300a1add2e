"""Part 2: n! against n^3, measured from trying everything to certified transport of large sets.

Times are processor seconds of all threads, which other work on the machine disturbs least.
"""

import math
import time
from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from gan import transport
from gan.reports import drawing
from gan.reports.story import Grid, Part, PartContext, Picture
from gan.transport import brute_force, dense

NAMES = {
    "brute": "every permutation",
    "simplex": "network simplex, whole matrix",
    "assignment": "assignment, whole matrix",
    "certified": "certified, without the matrix",
}
MARKS = {"brute": "o", "simplex": "s", "assignment": "^", "certified": "D"}
COLOURS = {
    "brute": drawing.TARGET,
    "simplex": drawing.ACCENT,
    "assignment": drawing.SOURCE,
    "certified": "#2f855a",
}
YEAR = 365.25 * 24 * 3600
TOP = 1e20


class Measured(NamedTuple):
    """What the methods took, and whether they agree.

    Attributes:
        seconds: processor seconds by method and size, one for each instance.
        wish: likewise of the dense assignment solver at the size "wish".
        disagreement: largest relative difference of two methods' values of one instance.
        last: the points of the last instance solved without a matrix, and the result.
    """

    seconds: dict[str, dict[int, list[float]]]
    wish: list[float]
    disagreement: float
    last: tuple[np.ndarray, np.ndarray, transport.Result]


def measure(sizes: dict, draw: np.random.Generator) -> Measured:
    """Time every method at its sizes, on the same normal points where sizes are the same."""
    every = sorted({n for name in NAMES for n in sizes[name]} | {sizes["wish"]})
    seconds: dict[str, dict] = {name: {n: [] for n in sizes[name]} for name in NAMES}
    wish, disagreement, last = [], 0.0, ()
    transport.assignment(  # compiles what the timed calls use
        *draw.normal(size=(2, min(sizes["certified"]), sizes["dimension"]))
    )
    for repeat in range(sizes["repeats"]):
        for n in every:
            x, y = draw.normal(size=(2, n, sizes["dimension"]))
            names = [name for name in NAMES if n in sizes[name]]
            if names == ["certified"] and repeat >= sizes["certified_repeats"]:
                continue
            matrix = None if names == ["certified"] else cdist(x, y)
            values = []
            for name in names:
                found, taken = _timed(SOLVERS[name], x, y, matrix)
                seconds[name][n].append(taken)
                if name == "certified":
                    last = x, y, found
                values.append(found.value if name == "certified" else found)
            if n == sizes["wish"]:
                wish.append(_timed(dense.assignment, matrix)[1])
            if len(values) > 1:
                disagreement = max(disagreement, (max(values) - min(values)) / min(values))
    return Measured(seconds, wish, disagreement, last)


def _timed(function, *arguments):
    """What a function returns, and its processor seconds."""
    start = time.process_time()
    found = function(*arguments)
    return found, time.process_time() - start


def compute(context: PartContext) -> dict:
    """Processor seconds of every method at its sizes, and the exponents fitted to them."""
    sizes = context.sizes
    seconds, wish, disagreement, (x, y, exact) = measure(sizes, np.random.default_rng(context.seed))
    bounds = transport.verify(exact.certificate, x, y)
    fits = {name: fit(seconds[name], sizes["fit_from"][name]) for name in NAMES if name != "brute"}
    last = max(sizes["brute"])
    each = float(np.median(seconds["brute"][last])) / math.factorial(last)
    wished = sizes["wish"]
    magnitude = math.lgamma(wished + 1) / math.log(10) + math.log10(each / YEAR)
    years_digits = math.floor(magnitude) + 1
    _draw(context.path("seconds"), seconds, fits, each, wished, years_digits)
    medians = {
        name: {n: float(np.median(times)) for n, times in seconds[name].items()} for name in NAMES
    }
    largest = {name: max(sizes[name]) for name in NAMES}
    return {
        "dimension": sizes["dimension"],
        "repeats": sizes["repeats"],
        "certified_repeats": sizes["certified_repeats"],
        "sizes": {name: list(seconds[name]) for name in NAMES},
        "seconds": {
            name: {f"n{n}": median for n, median in medians[name].items()} for name in NAMES
        },
        "largest": largest,
        "largest_seconds": {name: medians[name][largest[name]] for name in NAMES},
        "largest_factorial": math.factorial(last),
        "exponents": fits,
        "nanoseconds_per_permutation": 1e9 * each,
        "wish": wished,
        "wish_digits": len(str(math.factorial(wished))),
        "wish_years_digits": years_digits,
        "wish_milliseconds": 1e3 * float(np.median(wish)),
        "disagreement": disagreement,
        "checked_relative_gap": (bounds.gap + 2 * bounds.rounding) / exact.value,
        "certified_solver": exact.report["solver"],
        "matrix_gib": 8 * max(sizes["certified"]) ** 2 / 2**30,
    }


def fit(seconds: dict[int, list[float]], smallest: int) -> dict[str, float]:
    """Slope of log seconds over log n for n >= smallest.

    Args:
        seconds: by n, one number per repetition.

    Returns:
        {"mean", "spread"}: mean and standard deviation of the slope over repetitions.
    """
    sizes = [n for n in sorted(seconds) if n >= smallest]
    logs = np.log([seconds[n] for n in sizes])
    slopes = np.polyfit(np.log(sizes), logs, 1)[0]
    return {"mean": float(slopes.mean()), "spread": float(slopes.std(ddof=1))}


def _simplex(x, y, matrix) -> float:
    ones = np.ones(len(matrix), np.int64)
    rows, columns, mass, _, _ = dense.plan(matrix, ones, ones, False)
    return float((matrix[rows, columns] * mass).sum() / len(matrix))


def _assignment(x, y, matrix) -> float:
    permutation, _, _ = dense.assignment(matrix)
    return float(matrix[np.arange(len(matrix)), permutation].mean())


SOLVERS = {
    "brute": lambda x, y, matrix: brute_force.assignment(matrix)[1],
    "simplex": _simplex,
    "assignment": _assignment,
    "certified": lambda x, y, matrix: transport.assignment(x, y),
}
"""Each from points [n, d] and their distances [n, n], which one of them does not look at, to the
mean cost of the optimum; the certified one to a whole result."""


def _draw(path, seconds, fits, each, wish, digits):
    figure, axes = drawing.chart(7.2, 4.2)
    for name, times in seconds.items():
        n = np.array(sorted(times))
        middle = [np.median(times[k]) for k in n]
        label = NAMES[name]
        if name in fits:
            label += f": exponent {fits[name]['mean']:.2f} ± {fits[name]['spread']:.2f}"
        for k in n:
            axes.scatter([k] * len(times[k]), times[k], s=6, color=COLOURS[name], alpha=0.4)
        axes.plot(n, middle, marker=MARKS[name], markersize=4, color=COLOURS[name], label=label)
    beyond = np.arange(max(seconds["brute"]), 25)
    axes.plot(
        beyond,
        [each * math.factorial(int(k)) for k in beyond],
        linestyle=":",
        color=COLOURS["brute"],
        label="every permutation, extrapolated",
    )
    for value, name in (
        (1, "a second"),
        (86400, "a day"),
        (YEAR, "a year"),
        (1e9 * YEAR, "10⁹ years"),
    ):
        axes.axhline(value, color=drawing.FAINT, linewidth=0.8, zorder=0)
        edge = axes.get_yaxis_transform()
        axes.text(1.01, value, name, fontsize=7, va="center", transform=edge)
    axes.set(xscale="log", yscale="log", xlabel="points n", ylabel="processor seconds")
    axes.set_ylim(top=TOP)
    axes.annotate(
        f"{wish}! lies up there:\na number of years with {digits} digits",
        (wish, TOP),
        (0.6 * wish, TOP / 1e5),
        fontsize=8,
        color=COLOURS["brute"],
        va="top",
        arrowprops={"arrowstyle": "->", "color": COLOURS["brute"], "relpos": (0.2, 1)},
    )
    axes.legend(fontsize="small", loc="center", bbox_to_anchor=(0.66, 0.52))
    drawing.save(figure, path)


def story(numbers: dict) -> list:
    """Templates of the part."""
    rows = [
        (
            label,
            f"{{largest[{name}]:,}}",
            f"{{largest_seconds[{name}]:.3g}}",
            "n!"
            if name == "brute"
            else f"{{exponents[{name}][mean]:.2f}} ± {{exponents[{name}][spread]:.2f}}",
        )
        for name, label in NAMES.items()
    ]
    return [
        "Trying everything is honest and hopeless. With {largest[brute]} points there are "
        "{largest_factorial:,} permutations, and this machine looks at one in "
        "{nanoseconds_per_permutation:.0f} nanoseconds.",
        "For {wish} points the number of permutations has {wish_digits} digits. At the measured "
        "speed the number of years of waiting has {wish_years_digits} digits. The age of the "
        "universe, in years, has eleven.",
        "The same {wish} points take an assignment solver {wish_milliseconds:.2g} milliseconds, "
        "with the same guarantee. Nothing was approximated: the problem has a structure, prices, "
        "that makes almost all permutations not worth a look. Part three shows the prices.",
        Picture(
            "seconds",
            "Processor seconds against points, both axes logarithmic, on normal points in "
            "{dimension} dimensions; {repeats} random instances of each size "
            "({certified_repeats} without the matrix), faint dots, and lines through the medians. "
            "A straight line is a power of n. The factorial is no straight line.",
        ),
        Grid(("method", "largest n", "processor seconds", "growing like n to the"), tuple(rows)),
        "The textbook says n³. On these instances the measured powers are the ones in the table, "
        "fitted to the larger sizes, with the standard deviation over the instances. Wherever two "
        "methods solved the same instance, the largest relative difference of their values was "
        "{disagreement:.1g}.",
        "The last line never writes the cost matrix down, which for {largest[certified]:,} points "
        "would fill {matrix_gib:.2g} GiB. It looks for the few pairs that can matter and proves "
        "that the others cannot. The last of these proofs was checked by separate code that shares "
        "nothing with the solver: the optimum is known to {checked_relative_gap:.1g} of its "
        "value, rounding included."
        if numbers["certified_solver"] == "column generation"
        else "The last line finds the optimum and its certificate together; "
        "a separate program checked the last: it is known to {checked_relative_gap:.1g}.",
    ]


PART = Part(
    name="growth",
    title="2. n! against n³",
    sizes={
        "dimension": 16,
        "repeats": 5,
        "certified_repeats": 3,
        "brute": [3, 4, 5, 6, 7, 8, 9],
        "simplex": [4, 8, 16, 32, 64, 128, 256, 512, 1024],
        "assignment": [4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048],
        "certified": [4096, 8192, 16384],
        "fit_from": {"simplex": 256, "assignment": 256, "certified": 4096},
        "wish": 70,
    },
    compute=compute,
    story=story,
)
