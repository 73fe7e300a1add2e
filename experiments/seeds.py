"""How much does the seed matter? Trains a preset once per seed and tabulates the scores.

    python -m experiments.seeds --preset digits --seeds 3 --workdir runs/seeds

about four minutes on two CPU cores. Each seed is a run directory below --workdir, finished ones
are not run again; seeds.json holds every score, seeds.md the table with means and deviations. With
--together all seeds are one jitted training, which compiles once and fills an accelerator.
"""

import datetime
import json
import os
import platform
import statistics
from pathlib import Path

from experiments import cli
from gan import config as configs
from gan import outputs
from gan.config import Config
from gan.errors import UserError
from gan.reports import scores as tables
from gan.runner import train
from gan.runner.training import train_together
from gan.runs import files
from gan.scores import class_accuracy
from gan.signals import Interrupt


def run(
    config: Config,
    seeds: list[int],
    workdir: str,
    *,
    data_dir: str | None = None,
    interrupt: Interrupt | None = None,
    together: bool = False,
) -> list[dict] | None:
    """Scores of one finished run per seed; None when a signal ended it early.

    Args:
        config: what all share.
        seeds: one run each.
        workdir: holds a run directory seed_N for each.
        data_dir: where data sets are, see gan.data.load.
        interrupt: an entered context; its signal saves and stops.
        together: train all as one population; a seed that diverges then has the row
            {"seed", "failure"} and the others go on.
    """
    members = [configs.replace(config, {"seed": seed}) for seed in seeds]
    folders = [os.path.join(workdir, f"seed_{seed}") for seed in seeds]
    if together:
        found = train_together(members, folders, data_dir=data_dir, interrupt=interrupt)
    else:
        found = _one_by_one(members, folders, data_dir, interrupt)
    if found is None:
        return None
    rows = []
    for seed, scores in zip(seeds, found, strict=True):
        if "failure" in scores:
            rows.append({"seed": seed} | scores)
            continue
        rows.append({"seed": seed} | tables.ratios(scores) | scores)
    return rows


def _one_by_one(members, folders, data_dir, interrupt) -> list[dict] | None:
    found = []
    for member, folder in zip(members, folders, strict=True):
        scores = train(member, folder, data_dir=data_dir, interrupt=interrupt)
        if scores is None:
            return None
        found.append(scores)
    return found


def table(rows: list[dict]) -> str:
    """Markdown table: a row per seed, then mean and standard deviation over seeds; seeds that
    diverged are named below it."""
    failed = [row for row in rows if "failure" in row]
    rows = [row for row in rows if "failure" not in row]
    headings = tables.columns(rows[0] if rows else {})
    columns = [name for name in headings if all(name in row for row in rows)]
    lines = [
        "| seed | " + " | ".join(headings[name] for name in columns) + " |",
        "|---|" + "---|" * len(columns),
    ]
    rows = [
        {name: tables.value(row, name) for name in columns} | {"seed": row["seed"]} for row in rows
    ]
    for row in rows:
        lines.append(f"| {row['seed']} | " + " | ".join(f"{row[n]:.4g}" for n in columns) + " |")
    if len(rows) > 1:
        spread = [
            f"{statistics.mean(row[n] for row in rows):.4g} ± "
            f"{statistics.stdev(row[n] for row in rows):.2g}"
            for n in columns
        ]
        lines.append("| mean ± sd | " + " | ".join(spread) + " |")
    lines += [f"\nSeed {row['seed']} diverged: {row['failure']}." for row in failed]
    return "\n".join(lines) + "\n"


def class_table(rows: list[dict]) -> str:
    """For conditional runs: the share assigned to the asked class, per class; else nothing."""
    found = [row["class_shares"] for row in rows if "class_shares" in row]
    if not found:
        return ""
    return (
        "\nPer cent of generated examples that the data set's own classifier assigns to the class "
        "they were asked for.\n\n" + class_accuracy.table(found)
    )


def describe(config: Config, rows: list[dict], command: str) -> str:
    """The table with what made it: command, n, split, machine, date."""
    scored = next((row for row in rows if "failure" not in row), {"n": 0, "split": "held-out"})
    today = datetime.datetime.now(datetime.UTC).date()
    return (
        f"# {config.data.name}: {config.steps} generator steps, {len(rows)} seeds\n\n"
        f"`{command}`\n\n"
        f"Exact W1 (Euclidean on [-1, 1] pixels, or in the plane) between n = {scored['n']} "
        f"generated and as many {scored['split']} examples; the floor is that of other real "
        f"examples. Averages over {config.evaluation_repeats} sets each. {today}, "
        f"{os.cpu_count()} cores, {platform.machine()}.\n\n" + table(rows) + class_table(rows)
    )


def define(parser, argv) -> None:
    """The flags of this experiment."""
    cli.add_workdir(parser)
    cli.add_data_dir(parser)
    parser.add_argument(
        "--seeds", type=cli.integer(1, cli.SEEDS), default=3, help="how many seeds, from 0"
    )
    parser.add_argument("--together", action="store_true", help="train all seeds as one population")
    cli.add_config(parser, argv, default="digits")


def main(arguments) -> int:
    """Run every seed and write the table."""
    if arguments.seeds < 1:
        raise UserError(f"--seeds must be at least 1, got {arguments.seeds}")
    outputs.folder(arguments.workdir)
    with Interrupt() as interrupt:
        rows = run(
            arguments.config,
            list(range(arguments.seeds)),
            arguments.workdir,
            data_dir=arguments.data_dir,
            interrupt=interrupt,
            together=arguments.together,
        )
    if rows is None:
        return cli.leave(128 + interrupt.signal)
    folder = Path(arguments.workdir)
    files.write_json(folder / "seeds.json", rows)
    text = describe(arguments.config, rows, cli.command_line())
    files.write_atomically(folder / "seeds.md", text)
    print(text)
    print("done " + json.dumps({"seeds": len(rows), "table": str(folder / "seeds.md")}))
    return 0


if __name__ == "__main__":
    cli.run(define, main, __doc__)
