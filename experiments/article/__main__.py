"""How do points, prices and adversaries hang together? The article, executed.

    python -m experiments.article --workdir runs/article

about a minute and a half on two CPU cores. It writes article.html, one static page with its
pictures inside, and article.json with every number on the page, all computed in that run. The story
goes from six points in the plane to an adversarial network; the idea is Gabriel Peyré's, from his
writings on generative networks and optimal transport. Parts that DIR already holds, for the same
seed, are not computed again.
"""

import os
import platform
import sys
import time
from pathlib import Path

from experiments import cli
from experiments.article.parts import PARTS
from gan import outputs
from gan.inputs import SEEDS
from gan.reports import page as report
from gan.reports.parts import Setting, kept, render
from gan.runs import environment, files
from gan.signals import Interrupt, Interrupted

TITLE = "From six points to an adversary"
NUMBERS = range(1, 8)
"""Of the parts."""

STYLE = """
body { font: 18px/1.62 Georgia, "Iowan Old Style", "DejaVu Serif", serif; max-width: 46rem;
       color: #1a202c; }
h1 { font-size: 2.1rem; line-height: 1.2; margin: 3rem 0 .6rem; }
h2 { font-size: 1.45rem; margin-top: 3.6rem; }
figure { display: block; margin: 1.6rem 0; text-align: center; }
figcaption { font: .84rem/1.45 system-ui, sans-serif; max-width: 38rem; margin: .4rem auto 0; }
table { font: .88rem/1.4 system-ui, sans-serif; margin: 1.4rem auto; }
th { font-weight: 600; } th + th { text-align: right; } td, th { padding: .3rem .8rem; }
p.lead { font-size: 1.15rem; color: #4a5568; } p.note { font: .84rem/1.5 system-ui, sans-serif; }
"""

LEAD = (
    "A generator that learns to draw is solving, knowingly or not, a problem of moving earth. This "
    "page follows that thread in seven parts, from twelve points in the plane to a network that "
    "plays against another. Every number on it was computed by the program that wrote it, and "
    "every optimum from a solver that hands over a proof."
)

CREDIT = (
    "The idea of telling generative networks through optimal transport, from permutations of a few "
    "points to adversarial training, is Gabriel Peyré's, in his writings on generative networks "
    "and optimal transport. Words, instances, pictures and numbers here are this program's own. "
    "Sources of the results: Monge 1781; Kantorovich 1942; Birkhoff 1946; Dantzig 1951; Orden "
    "1956; Goodfellow et al. 2014; Arjovsky et al. 2017; Gulrajani et al. 2017."
)


def run(
    workdir: str,
    seed: int,
    parts: list[int],
    *,
    sizes: dict[int, dict],
    data_dir: str | None = None,
    run_dir: str | None = None,
    interrupt: Interrupt | None = None,
) -> dict[int, dict]:
    """Compute the parts that `workdir` does not hold yet, and write the page.

    Args:
        workdir: created when missing; a part leaves a JSON file and pictures in parts/.
        seed: of every random choice.
        parts: numbers of the parts wanted, 1 to 7.
        sizes: for every part how much is computed, see Part.sizes.
        data_dir: see gan.data.load.
        run_dir: a finished run directory for part 7; None trains a short one.
        interrupt: an entered context; its signal ends the work.

    Returns:
        {"title", "seconds", "numbers"} of every part on the page: those wanted, and others that
        `workdir` holds for the same seed, sizes and inputs.

    Raises:
        Interrupted: a signal arrived; finished parts are kept.
        GanError: see gan.errors.
    """
    interrupt = interrupt or Interrupt()
    folder = Path(workdir) / "parts"
    outputs.folder(folder)
    page, results = [], {}
    for number, part in PARTS.items():
        prefix = f"{number}_{part.name}"
        setting = Setting(
            folder=folder,
            prefix=prefix,
            seed=seed,
            sizes=sizes[number],
            data_dir=data_dir,
            run_dir=run_dir,
            interrupt=interrupt,
        )
        saved = kept(part, setting, wanted=number in parts)
        if saved is None:
            continue
        results[number] = {"title": part.title} | {k: saved[k] for k in ("seconds", "numbers")}
        page.append(render(part, saved["numbers"], setting))
    _write(Path(workdir), seed, results, page)
    return results


def _write(workdir: Path, seed: int, results: dict[int, dict], page: list[str]) -> None:
    where = environment.environment()
    spent = sum(result["seconds"] for result in results.values())
    made = (
        f"Made with seed {seed} in {spent:.0f} seconds on {os.cpu_count()} cores "
        f"({platform.machine()}), started {where['started']}, python {where['python']}, "
        + ", ".join(f"{name} {where['packages'][name]}" for name in ("jax", "scipy", "POT"))
    )
    files.write_json(
        workdir / "article.json",
        {
            "seed": seed,
            "seconds": spent,
            "environment": where,
            "parts": {str(number): result for number, result in results.items()},
        },
    )
    report.write(
        str(workdir / "article.html"),
        TITLE,
        report.paragraph(LEAD, "lead"),
        *page,
        report.section("Sources", report.paragraph(CREDIT), report.paragraph(made, "note")),
        style=STYLE,
    )


def define(parser, argv) -> None:
    """The flags of this experiment."""
    cli.add_workdir(parser)
    cli.add_data_dir(parser)
    parser.add_argument(
        "--seed", type=cli.integer(0, SEEDS), default=13, help="seed of every random choice"
    )
    parser.add_argument(
        "--parts",
        type=cli.integer(min(NUMBERS), max(NUMBERS)),
        nargs="+",
        default=list(NUMBERS),
        metavar="N",
        help="parts to compute, 1 to 7; finished ones are kept",
    )
    parser.add_argument(
        "--run",
        metavar="RUN",
        help="finished run directory of experiments.train for part 7 (default: a short run is "
        "trained in DIR/adversary)",
    )


def main(arguments) -> int:
    """Write the article; a signal ends it with 128 + its number, and finished parts are kept."""
    start = time.perf_counter()
    with Interrupt() as interrupt:
        try:
            results = run(
                arguments.workdir,
                arguments.seed,
                arguments.parts,
                sizes={number: part.sizes for number, part in PARTS.items()},
                data_dir=arguments.data_dir,
                run_dir=arguments.run,
                interrupt=interrupt,
            )
        except Interrupted as stop:
            print("stopped; the same command continues", file=sys.stderr)
            return cli.leave(128 + stop.signal)
    seconds = time.perf_counter() - start
    print(f"done parts={len(results)} seconds={seconds:.1f} {arguments.workdir}/article.html")
    return 0


if __name__ == "__main__":
    cli.run(define, main, __doc__)
