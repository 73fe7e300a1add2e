"""The draws of the study, kept one by one, and its table and picture."""

import datetime
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from tqdm import tqdm

from gan import data, files, outputs
from gan.benchmarks import injected_faults, power
from gan.benchmarks.injected_faults import FAULTS, Pool
from gan.config import Data
from gan.errors import UserError
from gan.reports import drawing
from gan.scores import space as spaces
from gan.scores.requirements import Situation, has_classifier
from gan.signals import Interrupt, Interrupted

USUAL = "usual"
"""In place of a fault: the real sets that say what is usual."""

TRAINING = 10_000
"""Training examples that copies are of, at most: the first ones."""


class Asked(NamedTuple):
    """What a study draws: the data set, sizes of sets, sets with each fault, real sets, seed."""

    data: Data
    sizes: tuple[int, ...]
    draws: int
    usual: int
    seed: int


Found = dict[int, dict[str, list[dict[str, float]]]]
"""By size and fault, the scores of each draw."""


def run(asked: Asked, workdir: str, data_dir: str | None, interrupt: Interrupt) -> Found:
    """Draw what `workdir` does not hold yet.

    Raises:
        UserError: for a data set without classes, with too few held-out examples or with a
            classifier that errs too often, or a `workdir` with draws of other settings.
        Interrupted: a signal arrived; finished draws are kept.
    """
    dataset = data.load(asked.data, data_dir)
    if len(dataset.shape) != 3 or not has_classifier(dataset):
        raise UserError(f"faults are put into labelled images; {dataset.name} has none")
    pool = _pool(dataset)
    names = [injected_faults.possible(pool, n) for n in asked.sizes][0]
    folder = outputs.folder(workdir)
    space = spaces.space(dataset, say=lambda line: print(line, file=sys.stderr))
    accuracy = space.classifier.accuracy_per_image
    scored = power.of_features(Situation(dataset, players=False, accuracy=accuracy))
    settings = {"data": asked.data.name, "image_size": asked.data.image_size, "seed": asked.seed}
    outputs.bind(folder / "study.json", settings | {"scores": scored})
    found: Found = {n: {} for n in asked.sizes}
    cells = [(n, name) for n in asked.sizes for name in (USUAL, *names)]
    counts = [asked.usual if name == USUAL else asked.draws for _, name in cells]
    with tqdm(total=sum(counts), unit="draw", dynamic_ncols=True) as bar:
        for (n, name), count in zip(cells, counts, strict=True):
            path = folder / "draws" / f"{n}-{name.replace(' ', '_')}.json"
            kept = files.read_json(path) if path.exists() else []
            outputs.folder(path.parent)
            bar.update(min(len(kept), count))
            for number in range(len(kept), count):
                fake, real = _drawn(asked, pool, n, name, number)
                kept.append(power.scores(fake, real, pool, space, scored))
                files.write_json(path, kept)
                bar.update()
                if interrupt.signal is not None:
                    raise Interrupted(interrupt.signal)
            found[n][name] = kept[:count]
    return found


def _pool(dataset) -> Pool:
    """Both held-out splits: training and classifier saw neither."""
    parts = [dataset.examples(split) for split in ("validation", "test")]
    examples, labels = (np.concatenate(each) for each in zip(*parts, strict=True))
    train, _ = dataset.examples("train", np.arange(min(TRAINING, dataset.size("train"))))
    return Pool(examples, labels, train, dataset.num_classes)


def _drawn(asked: Asked, pool: Pool, n: int, name: str, number: int) -> tuple:
    """The sets of one draw, which depend on the seed, its cell and its number alone."""
    place = 0 if name == USUAL else 1 + list(FAULTS).index(name)
    draw = np.random.default_rng([asked.seed, n, place, number])
    return injected_faults.drawn(pool, "nothing" if name == USUAL else name, n, draw)


def powers(found: Found) -> dict[int, dict[str, dict[str, power.Share]]]:
    """By size, score and fault, how often the score notices."""
    return {
        n: {
            score: {
                name: power.power(
                    score,
                    [draw[score] for draw in draws],
                    [draw[score] for draw in cells[USUAL]],
                )
                for name, draws in cells.items()
                if name != USUAL
            }
            for score in cells[USUAL][0]
        }
        for n, cells in found.items()
    }


def summarize(asked: Asked, found: Found, workdir: str, command: str) -> str:
    """Write power.md, power.json and power.png; returns the text."""
    shares = powers(found)
    folder = Path(workdir)
    json = {
        str(n): {
            score: {name: share._asdict() for name, share in row.items()}
            for score, row in table.items()
        }
        for n, table in shares.items()
    }
    files.write_json(folder / "power.json", json)
    picture(str(folder / "power.png"), shares)
    text = page(asked, shares, command)
    files.write_atomically(folder / "power.md", text)
    return text


def page(asked: Asked, shares, command: str) -> str:
    """The tables, in Markdown."""
    names = list(next(iter(next(iter(shares.values())).values())))
    lines = [
        f"# Which score notices which fault: {asked.data.name}",
        "",
        f"`{command}`",
        "",
        f"Share of {asked.draws} sets with a fault that a score calls worse than real examples, at "
        f"a level of {power.LEVEL:.0%}: a rank test against {asked.usual} real sets. Below each n, "
        f"a share of {asked.draws} is uncertain by up to {_width(asked.draws):.2f} either way "
        f"(95 %, Wilson). {datetime.date.today()}.",
        "",
    ]
    for n, table in shares.items():
        lines += [f"## n = {n:,}", "", "| score | " + " | ".join(names) + " |"]
        lines += ["|" + "---|" * (1 + len(names))]
        for score, row in table.items():
            cells = [f"{share.value:.2f}" for share in row.values()]
            lines.append(f"| {score} | " + " | ".join(cells) + " |")
        lines.append("")
    lines += [f"- **{name}**: {FAULTS[name].help}." for name in names]
    return "\n".join(lines) + "\n"


def _width(draws: int) -> float:
    share = power.share(draws // 2, draws)
    return (share.high - share.low) / 2


def picture(path: str, shares) -> None:
    """A panel for every n: scores down, faults across, how often each notices as a colour."""
    tables = list(shares.items())
    scores = list(tables[0][1])
    names = list(tables[0][1][scores[0]])
    size = (2.4 + 0.42 * len(names) * len(tables), 1.5 + 0.3 * len(scores))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(1, len(tables), squeeze=False, sharey=True)[0]
    for panel, (n, table) in zip(axes, tables, strict=True):
        values = [[table[score][name].value for name in names] for score in scores]
        drawn = panel.imshow(values, vmin=0, vmax=1, cmap="viridis", aspect="auto")
        panel.set_title(f"n = {n:,}", fontsize=9)
        panel.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=8)
        panel.set_yticks(range(len(scores)), scores, fontsize=8)
        for row, column in np.ndindex(len(scores), len(names)):
            value = values[row][column]
            ink = "black" if value > 0.6 else "white"
            text = f"{value:.2f}" if value < 1 else "1"
            panel.text(column, row, text, ha="center", va="center", fontsize=6, color=ink)
    figure.colorbar(drawn, ax=axes, label="how often the score notices", shrink=0.8)
    drawing.save(figure, path, dpi=130)
