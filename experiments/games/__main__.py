"""Which ways of playing the adversarial game arrive, and how far is training from its rest point?

    python -m experiments.games --workdir runs/games

about two minutes on two CPU cores. It writes games.html, one static page with its pictures
inside, and games.json with every number on it: the Dirac-GAN under every loss and penalty, with
eigenvalues against theory (largest difference about 1e-15, at most 1e-6 asked); matrix games
against a linear program; and the exact duality gap along real trainings in the plane. Parts that
DIR already holds, for the same seed, are not computed again.
"""

import os
import platform
import sys
import time
from pathlib import Path

from experiments import cli
from experiments.games.parts import PARTS
from gan import outputs
from gan.inputs import SEEDS
from gan.reports import page as report
from gan.reports.parts import Setting, kept, render
from gan.runs import environment, files
from gan.signals import Interrupt, Interrupted

TITLE = "Games with a referee"


def run(
    workdir: str, seed: int, *, sizes: dict[int, dict], interrupt: Interrupt | None = None
) -> dict[int, dict]:
    """Compute the parts that `workdir` does not hold yet, and write the page.

    Args:
        workdir: created when missing; a part leaves a JSON file and pictures in parts/.
        seed: of random games, starts and trainings.
        sizes: for every part how much is computed, see Part.sizes.
        interrupt: an entered context; its signal ends the work.

    Returns:
        {"title", "seconds", "numbers"} by part.

    Raises:
        Interrupted: a signal arrived; finished parts are kept.
        GanError: see gan.errors.
    """
    folder = Path(workdir) / "parts"
    outputs.folder(folder)
    page, results = [], {}
    for number, part in PARTS.items():
        setting = Setting(folder, f"{number}_{part.name}", seed, sizes[number], interrupt=interrupt)
        saved = kept(part, setting)
        results[number] = {"title": part.title} | {k: saved[k] for k in ("seconds", "numbers")}
        page.append(render(part, saved["numbers"], setting))
    where = environment.environment()
    spent = sum(result["seconds"] for result in results.values())
    made = (
        f"Made with seed {seed} in {spent:.0f} seconds on {os.cpu_count()} cores "
        f"({platform.machine()}), started {where['started']}, python {where['python']}, "
        + ", ".join(f"{name} {where['packages'][name]}" for name in ("jax", "scipy", "POT"))
    )
    numbers = {str(number): result for number, result in results.items()}
    files.write_json(
        Path(workdir) / "games.json",
        {"seed": seed, "seconds": spent, "environment": where, "parts": numbers},
    )
    page.append(report.section("Made by", report.paragraph(made)))
    report.write(str(Path(workdir) / "games.html"), TITLE, *page)
    return results


def define(parser, argv) -> None:
    """The flags of this experiment."""
    cli.add_workdir(parser)
    parser.add_argument(
        "--seed", type=cli.integer(0, SEEDS), default=0, help="seed of every random choice"
    )


def main(arguments) -> int:
    """Write the page; a signal ends it with 128 + its number, and finished parts are kept."""
    start = time.perf_counter()
    sizes = {number: part.sizes for number, part in PARTS.items()}
    with Interrupt() as interrupt:
        try:
            run(arguments.workdir, arguments.seed, sizes=sizes, interrupt=interrupt)
        except Interrupted as stop:
            print("stopped; the same command continues", file=sys.stderr)
            return cli.leave(128 + stop.signal)
    seconds = time.perf_counter() - start
    print(f"done seconds={seconds:.1f} {arguments.workdir}/games.html")
    return 0


if __name__ == "__main__":
    cli.run(define, main, __doc__)
