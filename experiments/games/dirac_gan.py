"""Part 1: the Dirac-GAN, where every method's behaviour is known in closed form."""

import jax
import jax.numpy as jnp
import numpy as np

from gan.games import dirac
from gan.reports import drawing
from gan.reports.story import Grid, Part, PartContext, Picture

ARRIVED = 1e-3
"""A trajectory converged if its end is this much nearer to the equilibrium than its start."""

PORTRAITS = [
    "non-saturating",
    "Wasserstein, clipped at 1",
    "Wasserstein, two-sided GP",
    "Wasserstein, one-sided GP",
    "non-saturating, R1",
    "non-saturating, R1 of weight 0.3",
    "non-saturating, consensus",
    "non-saturating, instance noise",
]


def compute(context: PartContext) -> dict:
    """Trajectories and eigenvalues of every method, beside theory."""
    h, steps, start = (context.sizes[name] for name in ("h", "steps", "start"))
    methods = {name: dirac.METHODS[name] for name in context.sizes["methods"]}
    with jax.enable_x64(True):
        found = {name: dirac.measure(method, h, start, steps) for name, method in methods.items()}
        locus = _locus(context.sizes["weights"], h)
        portraits = [name for name in PORTRAITS if name in methods]
        fields = {name: _arrows(methods[name]) for name in portraits}
    known = {name: dirac.theory(method, h) for name, method in methods.items()}
    rows = [_row(name, methods[name], found[name], known[name]) for name in methods]
    _draw_portraits(context.path("portraits"), portraits, found, fields)
    _draw_eigenvalues(context.path("eigenvalues"), found, known, locus)
    _draw_distances(context.path("distances"), portraits, found)
    errors = [row["error"] for row in rows if row["error"] is not None]
    errors += [abs(error) for error in locus["errors"]]
    return {
        "h": h,
        "steps": steps,
        "start": list(start),
        "count": len(rows),
        "with_derivative": len(rows) - sum(row["error"] is None for row in rows),
        "largest_error": max(errors),
        "agreements": sum(row["agrees"] for row in rows),
        "converging": [row["name"] for row in rows if row["converges"]["simultaneous"]],
        "weights": len(locus["weights"]),
        "rows": rows,
    }


def _row(name: str, method: dirac.DiracMethod, found: dirac.Measured, known: dirac.Theory) -> dict:
    """One method: theory beside what was measured."""
    start = np.linalg.norm(found.simultaneous_path[0])
    orders = {"alternating": found.alternating_path}
    if method.n_critic == 1:
        orders = {"simultaneous": found.simultaneous_path} | orders
    ends = {order: float(np.linalg.norm(path[-1])) for order, path in orders.items()}
    arrived = {order: bool(end < ARRIVED * start) for order, end in ends.items()}
    predicted = {order: dirac.converges(getattr(known, order)) for order in orders}
    error = None
    if known.field is not None:
        error = max(
            float(np.abs(getattr(found, part) - getattr(known, part)).max())
            for part in known._fields
        )
    return {
        "name": name,
        "theory": "none: kink" if known.field is None else _complex(known.field),
        "measured": "none: kink" if known.field is None else _complex(found.field),
        "error": error,
        "error_text": "" if error is None else f"{error:.0e}",
        "converges": {"simultaneous": False} | predicted,
        "predicted": " / ".join("yes" if value else "no" for value in predicted.values()),
        "arrived": " / ".join("yes" if value else "no" for value in arrived.values()),
        "ends": " / ".join(f"{end:.1e}" for end in ends.values()),
        "agrees": predicted == arrived,
    }


def _complex(values: np.ndarray) -> str:
    """A pair of eigenvalues of a real matrix."""
    first, second = values
    if abs(first.imag) > 1e-12:
        real = f"{first.real:.4g} " if abs(first.real) > 1e-12 else ""
        return f"{real}± {abs(second.imag):.4g}i"
    return f"{first.real:.4g}, {second.real:.4g}"


def _locus(weights: list[float], h: float) -> dict:
    """Eigenvalues of the field under R1 of growing weight, and what theory says."""
    measured, errors = [], []

    @jax.jit
    def jacobian(weight):
        method = dirac.DiracMethod("non_saturating", "r1", weight=weight)
        return jax.jacobian(dirac.field(method))(jnp.zeros(2))

    for weight in weights:
        values = dirac.ordered(np.linalg.eigvals(np.asarray(jacobian(weight))))
        known = dirac.theory(dirac.DiracMethod("non_saturating", "r1", weight=weight), h).field
        measured.append(values)
        errors.append(float(np.abs(values - known).max()))
    return {"weights": weights, "measured": np.array(measured), "errors": errors}


def _arrows(method: dirac.DiracMethod):
    """The field on a grid: (coordinates [k], velocities [k, k, 2])."""
    coordinates = np.linspace(-1.6, 1.6, 17)
    grid = jnp.asarray(np.stack(np.meshgrid(coordinates, coordinates), axis=-1))
    return coordinates, np.asarray(jax.jit(jax.vmap(jax.vmap(dirac.field(method))))(grid))


def _draw_portraits(path: str, names, found, fields) -> None:
    figure, every = drawing.panels(len(names), 4, 2.6, 2.7)
    for axes, name in zip(every, names, strict=True):
        coordinates, velocity = fields[name]
        length = np.maximum(np.linalg.norm(velocity, axis=2, keepdims=True), 1e-9)
        arrows = velocity / length * np.minimum(length, 1)
        axes.quiver(
            coordinates, coordinates, *arrows.T.swapaxes(1, 2), color=drawing.FAINT, scale=28
        )
        for points, colour, label in (
            (found[name].simultaneous_path, drawing.TARGET, "simultaneous"),
            (found[name].alternating_path, drawing.SOURCE, "alternating"),
        ):
            axes.plot(*points.T, color=colour, linewidth=0.7, label=label)
        axes.plot(*found[name].simultaneous_path[0], "k.", markersize=5)
        axes.plot(0, 0, "k+", markersize=7)
        axes.set(xlim=(-1.7, 1.7), ylim=(-1.7, 1.7), aspect="equal", xticks=[], yticks=[])
        axes.set_title(name, fontsize=8)
    every[0].set(xlabel="fake point", ylabel="critic's slope")
    every[0].legend(fontsize=6, loc="lower left")
    drawing.save(figure, path)


def _draw_eigenvalues(path: str, found, known, locus) -> None:
    figure, (left, right) = drawing.panels(2, 2, 4.4, 3.8)
    fine = np.linspace(0, max(locus["weights"]), 400)
    theory = np.array(
        [
            dirac.theory(dirac.DiracMethod("non_saturating", "r1", weight=float(w)), 1).field
            for w in fine
        ]
    )
    for branch in theory.T:
        left.plot(branch.real, branch.imag, ".", color=drawing.FAINT, markersize=3)
    marks = left.scatter(
        locus["measured"].real.ravel(),
        locus["measured"].imag.ravel(),
        c=np.repeat(locus["weights"], 2),
        s=22,
        cmap="viridis",
        zorder=3,
    )
    figure.colorbar(marks, ax=left, label="weight of R1")
    left.axvline(0, color=drawing.LINE, linewidth=0.6)
    left.set(xlabel="real part", ylabel="imaginary part")
    left.set_title("field: theory (grey), measured (dots)", fontsize=9)
    circle = np.exp(1j * np.linspace(0, 2 * np.pi, 400))
    right.plot(circle.real, circle.imag, color=drawing.LINE, linewidth=0.8)
    for order, colour in (("simultaneous", drawing.TARGET), ("alternating", drawing.SOURCE)):
        pairs = [
            (getattr(known[name], order), getattr(found[name], order))
            for name in found
            if known[name].field is not None
        ]
        expected, measured = (np.concatenate(values) for values in zip(*pairs, strict=True))
        right.scatter(expected.real, expected.imag, s=60, facecolors="none", edgecolors=colour)
        right.scatter(measured.real, measured.imag, s=7, color=colour, label=order)
    right.set(xlim=(0.55, 1.15), ylim=(-0.3, 0.3), aspect="equal")
    right.set(xlabel="real part", ylabel="imaginary part")
    right.set_title("one step of 0.2: theory (rings), measured (dots)", fontsize=9)
    right.legend(fontsize=7)
    drawing.save(figure, path)


def _draw_distances(path: str, names, found) -> None:
    figure, axes = drawing.chart(7.2, 3.6)
    for name in names:
        distance = np.linalg.norm(found[name].alternating_path, axis=1)
        axes.plot(np.maximum(distance, 1e-17), linewidth=1.2, label=name)
    axes.set(yscale="log", xlabel="step", ylabel="distance to the equilibrium", ylim=(1e-17, 1e2))
    axes.legend(fontsize=7, ncols=2, loc="lower left")
    drawing.save(figure, path)


def story(numbers: dict) -> list:
    """Templates of the part."""
    rows = tuple(
        tuple(
            f"{{rows[{k}][{field}]}}"
            for field in (
                "name",
                "theory",
                "measured",
                "error_text",
                "predicted",
                "arrived",
                "ends",
            )
        )
        for k in range(len(numbers["rows"]))
    )
    return [
        "The smallest adversarial network has one parameter a player: the real data are the point "
        "0, the generator makes the point theta, the critic's score of x is psi times x. The only "
        "equilibrium is theta = psi = 0. Both players descend with steps of {h:g} from "
        "({start[0]:g}, {start[1]:g}), {steps} times, as Mescheder, Geiger and Nowozin did in "
        "2018, and every loss and penalty is the one that this project trains images with.",
        Picture(
            "portraits",
            "Arrows: where both players want to go. Lines: where they go, in simultaneous (red) "
            "and alternating (blue) steps. Without damping they circle; a penalty that asks for "
            "slope 1 keeps the critic moving; R1, consensus and noise spiral in.",
        ),
        "Near the equilibrium the field is a matrix, and its eigenvalues decide. Theory has them "
        "in closed form, and automatic differentiation measures them. Over {with_derivative} "
        "methods and {weights} weights of R1 the two differ by at most {largest_error:.0e}.",
        Picture(
            "eigenvalues",
            "Left: eigenvalues under growing R1, from circling (imaginary) to creeping (real). "
            "Right: eigenvalues of one step; those inside the circle converge.",
        ),
        Grid(
            (
                "loss, and what is added",
                "eigenvalues, theory",
                "measured",
                "largest difference, steps included",
                "converges by theory, simultaneous / alternating",
                "measured",
                "distance after the last step",
            ),
            rows,
        ),
        "Theory and trajectory agree on {agreements} of {count} methods.",
        Picture("distances", "Distance to the equilibrium, alternating steps."),
    ]


PART = Part(
    name="dirac",
    title="1. One number a player",
    sizes={
        "h": 0.2,
        "steps": 500,
        "start": [1.0, 1.0],
        "methods": list(dirac.METHODS),
        "weights": [0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4, 1.7, 2.0],
    },
    compute=compute,
    story=story,
)
