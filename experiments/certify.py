"""How far apart are two sets of points, exactly and with a proof that anyone can re-check?

    python -m experiments.certify --source fashion_mnist:train:2000 --target fashion_mnist:test:2000
        --cost sqeuclidean --output proof.npz
    python -m experiments.certify --source samples.npz --target real.npy --output proof.npz

A set is a .npy or .npz file, DATASET:SPLIT[:COUNT], or RUN_DIRECTORY[:COUNT] for samples of a
trained generator (1000 by default). Images count as vectors of pixels, 0 to 255. Prints the optimal
mean cost, its bounds, and the floor: the same distance between two halves of the target, which
sampling alone produces. A second on 1000 points, minutes on 60,000. experiments.verify re-checks.
"""

import os
import sys
import zipfile

import numpy as np

from experiments import cli
from gan import config, data, transport
from gan.errors import StorageError, UserError
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
    examples, _ = source.examples(rest[0], np.arange(count))
    return source.to_uint8(examples) if isinstance(source, data.Dataset) else np.asarray(examples)


def certify(source: np.ndarray, target: np.ndarray, cost: str, seconds: float) -> dict:
    """The solution between two sets, and the floor between two halves of the target.

    Returns:
        result (transport.Result), floor (mean cost between the halves, None for one point),
        floor_size (points per half).
    """

    def solve(x, y, limit):
        options = {"seconds": limit, "progress": progress}
        if len(x) == len(y):
            return transport.assignment(x, y, cost, **options)
        return transport.plan(x, y, cost=cost, **options)

    result = solve(source, target, seconds)
    half = len(target) // 2
    order = np.random.default_rng(0).permutation(len(target))
    floor = solve(target[order[:half]], target[order[half : 2 * half]], seconds) if half else None
    return {"result": result, "floor": floor and floor.value, "floor_size": half}


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
        "--seconds",
        type=float,
        default=float("inf"),
        help="time budget; when it ends the bounds found so far are certified",
    )


def main(arguments) -> None:
    """Solve, save and print."""
    if not arguments.output.endswith(".npz"):
        raise UserError(f"--output must end in .npz, got {arguments.output}")
    costs.name_of(arguments.cost)
    source = read(arguments.source, arguments.data_dir)
    target = read(arguments.target, arguments.data_dir)
    found = certify(source, target, arguments.cost, arguments.seconds)
    result = found["result"]
    try:
        result.certificate.save(arguments.output)
    except OSError as error:
        raise StorageError(f"cannot write {arguments.output}: {error.strerror}") from error
    print(f"sizes     {len(source)} and {len(target)}")
    print(f"value     {result.value:.12g}   mean {arguments.cost} cost of the best plan found")
    exact = " in integers" if result.integer else ""
    print(f"bounds    {result.lower:.12g} <= optimum <= {result.upper:.12g}")
    print(f"gap       {result.gap:.3g}{exact}")
    if found["floor"] is not None:
        print(
            f"floor     {found['floor']:.12g}   between two random halves of the target, "
            f"{found['floor_size']} points each"
        )
    print(f"proof     {arguments.output}")


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
