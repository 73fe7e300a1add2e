"""How far apart are two sets of points, exactly and with a proof that anyone can re-check?

    python -m experiments.certify --source fashion_mnist:train:2000 --target fashion_mnist:test:2000
        --cost sqeuclidean --output proof.npz
    python -m experiments.certify --source samples.npz --target real.npy --output proof.npz

A set is a .npy or .npz file, DATASET:SPLIT[:COUNT], or RUN_DIRECTORY[:COUNT] for samples of a
trained generator (1000 by default). Images count as vectors of pixels, 0 to 255. Prints the optimal
mean cost, its bounds, and the floor: what sampling alone produces, the same distance from other
real points, as many as the source has. They come from the target's data set, or from --reference;
without either, the two halves of the target stand in, which are farther apart. A second on 1000
points, minutes on 60,000. experiments.verify re-checks.
"""

import contextlib
import os
import sys
import zipfile

import numpy as np

from experiments import cli, outputs
from gan import config, data, transport
from gan.errors import UserError
from gan.transport import costs

SAMPLES = 1000


def read(text: str, data_dir: str | None) -> np.ndarray:
    """The points [n, ...] that a --source or --target names; images as uint8.

    Raises:
        UserError: if there is no such file, data set, split or run directory, or a bad count.
    """
    ending = os.path.splitext(text)[1].lower()
    if ending in (".npy", ".npz"):
        return _file(text)
    place, _, count = text.rpartition(":")
    if os.path.isdir(text) or (count.isdigit() and os.path.isdir(place)):
        from experiments.sample import sample

        folder = text if os.path.isdir(text) else place
        examples, _ = sample(folder, SAMPLES if folder == text else _count(count))
        return _levels(examples) if examples.ndim == 4 else examples
    name, *rest = text.split(":")
    if not 1 <= len(rest) <= 2:
        raise UserError(
            f"{text!r} is no point set: give a .npy or .npz file, DATASET:SPLIT[:COUNT] or a run "
            "directory"
        )
    source = data.load(config.Data(name=name), data_dir)
    size = source.size(rest[0])
    count = _count(rest[1]) if len(rest) == 2 else size
    if count > size:
        raise UserError(f"{name} has {size} examples in {rest[0]}, {count} were asked for")
    return _examples(source, rest[0], np.arange(count))


def others(target: str, source: str, count: int, data_dir: str | None) -> np.ndarray | None:
    """`count` random examples of the data set that `target` names, none of them in either set: from
    the target's split, then from the other ones. None if it names no data set, or has too few."""
    name, split, _ = _named(target)
    if split is None:
        return None
    law = data.load(config.Data(name=name), data_dir)
    draw = np.random.default_rng(0)
    found = []
    for part in [split, *(other for other in data.SPLITS if other != split)]:
        taken = 0
        for text in (target, source):
            if _named(text)[:2] == (name, part):
                taken = max(taken, _named(text)[2] or law.size(part))
        rows = draw.permutation(np.arange(taken, law.size(part)))[:count]
        if len(rows):
            found.append(_examples(law, part, np.sort(rows)))
            count -= len(rows)
    return None if count else np.concatenate(found)


def certify(
    source: np.ndarray,
    target: np.ndarray,
    cost: str,
    seconds: float,
    reference: np.ndarray | None = None,
) -> dict:
    """The solution between two sets, and the floor.

    Args:
        source, target: point sets.
        cost: named cost.
        seconds: time budget of each of the two problems.
        reference: points of the target's law, independent of the target; None stands for its
            halves.

    Returns:
        result (transport.Result), floor (transport.Result of reference and target, None for the
        halves of one point, or after an interrupt before its first solve), floor_sizes (points on
        each side).
    """

    def solve(x, y):
        options = {"seconds": seconds, "progress": progress}
        if len(x) == len(y):
            return transport.assignment(x, y, cost, **options)
        return transport.plan(x, y, cost=cost, **options)

    result = solve(source, target)
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


def progress(state: dict) -> None:
    """One line on stderr: time, stage, and the bounds once there are any."""
    bounds = ""
    if state["lower"] is not None:
        bounds = f": {state['lower']:.9g} <= optimum <= {state['upper']:.9g}"
    print(f"{state['seconds']:8.1f} s  {state['stage']}{bounds}", file=sys.stderr)


def add_sets(parser) -> None:
    """The flags --source, --target and --data_dir."""
    for name in ("source", "target"):
        parser.add_argument(
            f"--{name}",
            required=True,
            metavar="SET",
            help="a .npy or .npz file, DATASET:SPLIT[:COUNT], or RUN_DIRECTORY[:COUNT]",
        )
    cli.add_data_dir(parser)


def define(parser, argv) -> None:
    """The flags of this experiment."""
    del argv
    parser.usage = "%(prog)s --source SET --target SET --output FILE [--flag value ...]"
    add_sets(parser)
    parser.add_argument("--output", required=True, metavar="FILE", help="certificate, a .npz file")
    parser.add_argument(
        "--cost", default="euclidean", help=f"cost between points: {', '.join(costs.NAMES)}"
    )
    parser.add_argument(
        "--reference",
        metavar="SET",
        help="points of the target's law, independent of it, for the floor; as many as the source "
        "(default: other examples of the target's data set)",
    )
    parser.add_argument(
        "--seconds",
        type=cli.real(0, cli.SECONDS),
        default=float("inf"),
        help="time budget; when it ends the bounds found so far are certified",
    )


def main(arguments) -> None:
    """Solve, save and print."""
    costs.name_of(arguments.cost)
    named = (arguments.source, arguments.target, arguments.reference)
    outputs.file(arguments.output, (".npz",), [name for name in named if name])
    source = read(arguments.source, arguments.data_dir)
    target = read(arguments.target, arguments.data_dir)
    if arguments.reference:
        reference = read(arguments.reference, arguments.data_dir)
    else:
        reference = others(arguments.target, arguments.source, len(source), arguments.data_dir)
    found = certify(source, target, arguments.cost, arguments.seconds, reference)
    result = found["result"]
    result.certificate.save(arguments.output)
    print(f"sizes     {len(source)} and {len(target)}")
    print(f"value     {result.value:.12g}   mean {arguments.cost} cost of the best plan found")
    exact = " in integers" if result.integer else ""
    print(f"bounds    {result.lower:.12g} <= optimum <= {result.upper:.12g}")
    print(f"gap       {result.gap:.3g}{exact}")
    if found["floor"] is not None:
        left, right = found["floor_sizes"]
        bounds = ""
        if found["floor"].gap > 1e-9 * found["floor"].value:
            bounds = f", at least {found['floor'].lower:.12g}: the time budget ended"
        what = f"{left} other real points against the target's {right}"
        if reference is None:
            what = f"two random halves of the target, {left} points each; lower for larger sets"
        print(f"floor     {found['floor'].value:.12g}   {what}{bounds}")
    print(f"proof     {arguments.output}")


def _named(text):
    """Data set, split and count (None: all of it) of DATASET:SPLIT[:COUNT]; else Nones."""
    name, _, rest = text.partition(":")
    split, _, count = rest.partition(":")
    if os.path.exists(text) or split not in data.SPLITS:
        return None, None, None
    return name, split, int(count) if count else None


def _examples(source, split, rows):
    examples, _ = source.examples(split, rows)
    return source.to_uint8(examples) if isinstance(source, data.Dataset) else np.asarray(examples)


def _file(path):
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        names = loaded.files
        known = [name for name in ("images", "points") if name in names]
        if len(names) != 1 and len(known) != 1:
            raise UserError(
                f"{path} must hold one array, or one called images or points; it holds "
                f"{', '.join(names) or 'nothing'}"
            )
        return loaded[known[0] if known else names[0]]
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path} is not a file of numbers: {error}") from error


def _count(text):
    if not text.isdigit() or int(text) < 1:
        raise UserError(f"the count of a point set must be a positive integer, got {text!r}")
    return int(text)


def _levels(images):
    return np.rint((np.clip(images, -1, 1) + 1) * 127.5).astype(np.uint8)


if __name__ == "__main__":
    cli.run(define, main, __doc__)
