"""How far apart are two sets of points, exactly and with a proof that anyone can re-check?

    python -m experiments.certify --source fashion_mnist:train:2000 --target fashion_mnist:test:2000
        --cost sqeuclidean --output proof.npz
    python -m experiments.certify --source samples.npz --target real.npy --output proof.npz
    python -m experiments.certify --source x.npy --target y.npy --permutation s.npy
        --output proof.npz

A set is a .npy or .npz file, a folder or .zip file of pictures, DATASET:SPLIT[:COUNT], or
run:DIRECTORY[@STEP][:COUNT] for samples of a trained generator (1000 by default). Images count as
vectors of pixels, 0 to 255. Prints the optimal mean cost, its bounds, and the floor: what sampling
alone produces, the same distance from other real points, as many as the source has. They come from
the target's data set, or from --reference; without either, the two halves of the target stand in,
which are farther apart. A second on 1000 points, minutes on 60,000. experiments.verify re-checks.

--permutation judges the solution of any other solver, a file of n integers (the first point of the
source goes to the target's point of that number, from 0) or of n by m masses: what it costs, the
bounds of the true optimum, and what share of it the solution costs too much. The proof then holds
that solution.

An interrupt (Ctrl-C) or the end of --seconds certifies the bounds found so far; --resume goes on
from such a file.
"""

import contextlib

import numpy as np

import gan
from experiments import cli
from gan import arrays, outputs
from gan.errors import UserError


def certify(
    source: np.ndarray,
    target: np.ndarray,
    cost: str,
    seconds: float,
    gap: float = 0.0,
    reference: np.ndarray | None = None,
    warm: np.ndarray | None = None,
) -> dict:
    """The solution between two sets, and the floor.

    Args:
        source, target: point sets.
        cost: named cost.
        seconds: time budget of each of the two problems.
        gap: relative gap that is good enough.
        reference: points of the target's law, independent of the target; None stands for its
            halves.
        warm: dual vector of the target that an earlier try at this problem has reached.

    Returns:
        result (transport.Result), floor (transport.Result of reference and target, None for the
        halves of one point, or after an interrupt before its first solve), floor_sizes (points on
        each side).
    """

    def solve(x, y, warm=None):
        options = {"seconds": seconds, "gap": gap, "progress": cli.progress, "warm": warm}
        if len(x) == len(y):
            return gan.transport.assignment(x, y, cost, **options)
        return gan.transport.plan(x, y, cost=cost, **options)

    result = solve(source, target, warm)
    if reference is not None:
        pair = reference, target
    else:
        half = len(target) // 2
        order = np.random.default_rng(0).permutation(len(target))
        pair = target[order[:half]], target[order[half : 2 * half]]
    floor = None
    with contextlib.suppress(KeyboardInterrupt):  # the result is not lost for want of a floor
        floor = solve(*pair) if len(pair[0]) else None
    return {"result": result, "floor": floor, "floor_sizes": (len(pair[0]), len(pair[1]))}


def judge(source: np.ndarray, target: np.ndarray, plan: np.ndarray, warm, values) -> None:
    """Bounds another solver's plan, saves the proof and prints."""
    given = gan.transport.certify_plan(
        source,
        target,
        plan,
        values.cost,
        gap=values.gap,
        seconds=values.seconds,
        warm=warm,
        progress=cli.progress,
    )
    given.certificate.save(values.output)
    least, most = (f"{100 * share:.3g} %" for share in given.excess)
    print(f"sizes     {len(source)} and {len(target)}")
    print(f"value     {given.value:.12g}   {values.cost} cost of the given plan")
    print(f"bounds    {given.lower:.12g} <= optimum <= {given.upper:.12g}")
    print(f"excess    {least if least == most else f'{least} to {most}'} of the optimum")
    print(f"proof     {values.output}")


def define(flags) -> None:
    """The flags of this experiment."""
    flags.sets()
    flags.path("output", cli.REQUIRED, "certificate, a .npz file")
    names = cli.literal("gan.transport.costs:NAMES")
    flags.choice("cost", "euclidean", "cost between points", names)
    flags.text(
        "reference",
        None,
        "points of the target's distribution, independent of it, for the floor; as many as the "
        "source "
        "(default: other examples of the target's data set)",
        "SET",
    )
    flags.text(
        "permutation",
        None,
        "another solver's permutation or plan between source and target, a .npy or .npz file, to "
        "be judged instead of the floor",
        "FILE",
    )
    flags.text(
        "resume",
        None,
        "certificate of an earlier try at this source and target that ran out of time: its "
        "potentials shorten the work",
        "FILE",
    )
    what = "time budget; when it ends the bounds found so far are certified"
    flags.real("seconds", float("inf"), what, 0, cli.SECONDS)
    flags.real("gap", 0.0, "relative gap that is good enough", 0, 1)


def main(values) -> None:
    """Solve, save and print."""
    named = (values.source, values.target, values.reference, values.permutation)
    if values.permutation and values.reference:
        raise UserError("--reference is for the floor, which --permutation does not print")
    plan = _plan(values.permutation) if values.permutation else None
    warm = gan.transport.load(values.resume).v if values.resume else None
    outputs.file(values.output, (".npz",), [name for name in named if name])
    sets = gan.runner.sets
    source = sets.read(values.source, values.data_dir).array
    target = sets.read(values.target, values.data_dir).array
    if plan is not None:
        judge(source, target, plan, warm, values)
        return
    if values.reference:
        reference = sets.read(values.reference, values.data_dir).array
    else:
        reference = sets.others(values.target, values.source, len(source), values.data_dir)
    found = certify(source, target, values.cost, values.seconds, values.gap, reference, warm)
    result = found["result"]
    result.certificate.save(values.output)
    print(f"sizes     {len(source)} and {len(target)}")
    print(f"value     {result.value:.12g}   mean {values.cost} cost of the best plan found")
    exact = " in integers" if result.integer else ""
    print(f"bounds    {result.lower:.12g} <= optimum <= {result.upper:.12g}")
    print(f"gap       {result.gap:.3g}{exact}")
    if found["floor"] is not None:
        left, right = found["floor_sizes"]
        bounds = ""
        if found["floor"].gap > 1e-9 * found["floor"].value:
            bounds = f", at least {found['floor'].lower:.12g}"
        what = f"{left} other real points against the target's {right}"
        if reference is None:
            what = f"two random halves of the target, {left} points each; lower for larger sets"
        print(f"floor     {found['floor'].value:.12g}   {what}{bounds}")
    print(f"proof     {values.output}")


def _plan(path: str) -> np.ndarray:
    """The one array of a .npy or .npz file."""
    with arrays.opened(path) as found:
        if isinstance(found, np.ndarray):
            return found
        names = list(found)
        if len(names) != 1:
            raise UserError(f"{path} must hold one array, it holds {len(names)}")
        return found[names[0]]


if __name__ == "__main__":
    cli.run(define, main, __doc__)
