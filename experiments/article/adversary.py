"""Part 7: the critic of an adversarial run, against the exact distance it tries to learn."""

import hashlib
import os
from pathlib import Path

from gan import config, presets, runs
from gan.config import Config
from gan.errors import UserError
from gan.reports import figures
from gan.reports.story import Grid, Part, PartContext, Picture
from gan.runner import train
from gan.signals import Interrupted


def short_run(seed: int, sizes: dict) -> Config:
    """The digits preset, cut short."""
    changes = {name: value for name, value in sizes.items() if name != "preset"}
    return config.replace(presets.get(sizes["preset"]), changes | {"seed": seed})


def compute(context: PartContext) -> dict:
    """Critic's estimate and exact W1 along a run; trains a short one if none was named."""
    own = context.run_dir is None
    if own:
        path = context.folder.parent / "adversary" / f"seed_{context.seed}"
        finished = train(
            short_run(context.seed, context.sizes),
            str(path),
            data_dir=context.data_dir,
            devices=1,
            interrupt=context.interrupt,
        )
        if finished is None:
            raise Interrupted(context.interrupt.signal)
    else:
        path = Path(context.run_dir)
    run = runs.read(path)
    records = run.metrics()
    measured = [r for r in records if "w1" in r and "w1_estimate" in r]
    if not measured:
        raise UserError(f"--run {path} has no evaluation in its metrics.jsonl yet")
    figures.save_distance_curves(context.path("curves"), records)
    ratios = [r["w1_estimate"] / r["w1"] for r in measured]
    first, last = measured[0], measured[-1]
    return {
        "own": own,
        "run": os.path.basename(os.path.normpath(path)),
        "data": run.data()["name"],
        "steps": last["step"],
        "batch_size": run.config.batch_size,
        "evaluations": len(measured),
        "n": last["n"],
        "first_step": first["step"],
        "first_w1": first["w1"],
        "first_estimate": first["w1_estimate"],
        "last_w1": last["w1"],
        "last_estimate": last["w1_estimate"],
        "last_floor": last["w1_floor"],
        "last_debiased": last["w1_debiased"],
        "last_ratio": ratios[-1],
        "lowest_ratio": min(ratios),
        "highest_ratio": max(ratios),
        "last_batch": [r for r in records if "w1_estimate_batch" in r][-1]["w1_estimate_batch"],
        "slope_5": last["slope_5"],
        "slope_95": last["slope_95"],
        "w1_ratio": last["w1"] / last["w1_floor"],
        "rows": [
            {
                "step": r["step"],
                "w1": r["w1"],
                "floor": r["w1_floor"],
                "estimate": r["w1_estimate"],
                "ratio": ratio,
            }
            for r, ratio in _spread(list(zip(measured, ratios, strict=True)), 6)
        ],
    }


def inputs(context: PartContext) -> dict:
    """The run looked at, by the content of its log."""
    if context.run_dir is None:
        return {}
    path = Path(context.run_dir)
    runs.read(path)
    log = path / "metrics.jsonl"
    if not log.is_file():
        raise UserError(f"--run {path} has no metrics.jsonl")
    return {"run": str(path.resolve()), "log": hashlib.sha256(log.read_bytes()).hexdigest()}


def _spread(items: list, count: int) -> list:
    """At most `count` items, evenly spread, the last one included."""
    if len(items) <= count:
        return items
    return [items[round(k * (len(items) - 1) / (count - 1))] for k in range(count)]


def story(numbers: dict) -> list:
    """Templates of the part."""
    rows = tuple(
        (
            f"{{rows[{k}][step]:,}}",
            f"{{rows[{k}][w1]:.3f}}",
            f"{{rows[{k}][floor]:.3f}}",
            f"{{rows[{k}][estimate]:.3f}}",
            f"{{rows[{k}][ratio]:.2f}}",
        )
        for k in range(len(numbers["rows"]))
    )
    return [
        "Solving transport anew for every batch is one way. Goodfellow's way, in 2014, was to let "
        "a second network learn what separates real from generated. In the Wasserstein form of "
        "that game the critic's task is the price problem of part three: its score of an image is "
        "the price, its slope is held near one, and the difference of its mean scores is its "
        "belief about the distance.",
        (
            "No run was named, so a short one was trained for this page: {steps:,} generator steps "
            "on {data}, with a batch of {batch_size}. It is far from finished, and shown for the "
            "comparison only. The flag --run shows a run of your own."
            if numbers["own"]
            else "The run shown here is {run}: {steps:,} generator steps on {data}, with a batch "
            "of {batch_size}."
        ),
        Picture(
            "curves",
            "What the critic believes and what is true, on {n} held-out examples, {evaluations} "
            "times along training.",
        ),
        Grid(("step", "exact W1", "floor", "critic's estimate", "estimate / exact"), rows),
        "At its last evaluation the critic believes in a distance of {last_estimate:.3f}; the "
        "exact one on the same held-out examples is {last_w1:.3f}, {w1_ratio:.2f} times the floor. "
        "Along the run its belief was between {lowest_ratio:.2f} and {highest_ratio:.2f} times the "
        "exact value. On the batches it is trained on it says {last_batch:.3f}.",
        (
            "Part of the difference is fair. Two samples of one distribution are "
            "{last_floor:.3f} apart, and a critic that has not learned the samples by heart cannot "
            "see that. The debiased distance, which takes it off, is "
            "{last_debiased:.3f}. The rest is the critic's: its "
            "prices are the best that a network found, not the best there are. "
            if numbers["last_ratio"] < 1
            else "A critic whose slope never exceeds one cannot believe in more than the exact "
            "distance. This one does, so its prices break the rule somewhere. "
        )
        + "Nine in ten of its slopes between real and generated examples lie between {slope_5:.2f} "
        "and {slope_95:.2f}.",
        "So a falling critic loss need not be a falling distance. It may be a critic that lost "
        "track, and from inside the game nobody can tell. A referee can: it knows the distance, "
        "its floor, and a proof.",
    ]


PART = Part(
    name="adversary",
    title="7. The adversary",
    sizes={
        "preset": "digits",
        "steps": 600,
        "log_every": 10,
        "evaluate_every": 50,
        "sample_every": 600,
        "checkpoint_every": 200,
    },
    compute=compute,
    story=story,
    inputs=inputs,
)
