"""The three parts of the page on games in the order in which they are told, and the page."""

from pathlib import Path

from experiments.games import dirac_gan, gap, matrices
from gan.reports import page, story
from gan.signals import Interrupt

PARTS = {1: dirac_gan.PART, 2: matrices.PART, 3: gap.PART}

TITLE = "Games with a referee"


def run(
    workdir: str,
    seed: int,
    *,
    sizes: dict[int, dict] | None = None,
    interrupt: Interrupt | None = None,
) -> dict[int, dict]:
    """Compute the parts that `workdir` does not hold yet, and write the page.

    Args:
        workdir: created when missing; a part leaves a JSON file and pictures in parts/.
        seed: of random games, starts and trainings.
        sizes: for every part how much is computed; None for what the full page computes.
        interrupt: an entered context; its signal ends the work.

    Returns:
        {"title", "seconds", "numbers"} by part.

    Raises:
        Interrupted: a signal arrived; finished parts are kept.
        GanError: see gan.errors.
    """
    context = story.PageContext(
        folder=Path(workdir) / "parts",
        seed=seed,
        sizes=sizes,
        interrupt=interrupt,
    )
    results, sections = story.tell(PARTS, context, list(PARTS))
    made = story.write_numbers(Path(workdir) / "games.json", seed, results)
    sections.append(page.section("Made by", page.paragraph(made)))
    page.write(str(Path(workdir) / "games.html"), TITLE, *sections)
    return results
