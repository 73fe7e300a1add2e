"""The seven parts of the article in the order of the story, and the page that holds them."""

from pathlib import Path

from experiments.article import (
    adversary,
    kantorovich,
    mixture_proportions,
    pixels,
    primal_generator,
    running_times,
    six_points,
)
from gan.reports import page, story
from gan.signals import Interrupt

PARTS = {
    1: six_points.PART,
    2: running_times.PART,
    3: kantorovich.PART,
    4: primal_generator.PART,
    5: pixels.PART,
    6: mixture_proportions.PART,
    7: adversary.PART,
}

TITLE = "From six points to an adversary"

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
    sizes: dict[int, dict] | None = None,
    data_dir: str | None = None,
    run_dir: str | None = None,
    interrupt: Interrupt | None = None,
) -> dict[int, dict]:
    """Compute the parts that `workdir` does not hold yet, and write the page.

    Args:
        workdir: created when missing; a part leaves a JSON file and pictures in parts/.
        seed: of every random choice.
        parts: numbers of the parts wanted, 1 to 7.
        sizes: for every part how much is computed; None for what the full article computes.
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
    context = story.PageContext(
        folder=Path(workdir) / "parts",
        seed=seed,
        sizes=sizes,
        data_dir=data_dir,
        run_dir=run_dir,
        interrupt=interrupt,
    )
    results, sections = story.tell(PARTS, context, parts)
    made = story.write_numbers(Path(workdir) / "article.json", seed, results)
    page.write(
        str(Path(workdir) / "article.html"),
        TITLE,
        page.paragraph(LEAD, "lead"),
        *sections,
        page.section("Sources", page.paragraph(CREDIT), page.paragraph(made, "note")),
        style=STYLE,
    )
    return results
