"""Judge generators that were trained anywhere: what is wrong with them, and which is best?

    python -m experiments.referee --fake samples.npz --real digits:test --workdir verdict
    python -m experiments.referee --fake old=old/ new=new.zip --real photos/ --workdir verdict
    python -m experiments.referee --fake fakes.npy --real real.npy --critic scores.npz
        --workdir verdict

A SET is a .npy or .npz file, a folder or .zip file of pictures, DATASET:SPLIT[:COUNT], or
run:DIRECTORY[@STEP][:COUNT]; NAME=SET gives it a name. Types, ranges and the order of axes are
recognised and said aloud; what could mean two things is refused.

Prints for each generator a verdict, exact W1 with its floor, and the scores with what real examples
get; ranks several. Writes referee.json and report.html into --workdir. 2,000 pictures take about a
minute.
"""

from __future__ import annotations

import sys

import gan
from experiments import cli
from gan import outputs
from gan.signals import watched


def define(flags) -> None:
    """The flags of this experiment."""
    forms = cli.literal("gan.runner.sets:FORMS")
    ranges = cli.literal("gan.arrays:RANGES")
    flags.texts(
        "fake", cli.REQUIRED, f"generated examples, one set per generator: a {forms}", "SET"
    )
    flags.text("real", cli.REQUIRED, "held-out real examples", "SET")
    flags.text("train", None, "training examples (default: those of the data set, if known)", "SET")
    flags.path("workdir", cli.REQUIRED, "folder for referee.json and report.html", "DIR")
    what = "scores of a critic: arrays real and fake, and perhaps gradients at the fakes"
    flags.texts("critic", [], what, "[NAME=]FILE.npz")
    flags.data_dir()
    flags.group("how")
    what = "range of the values of pictures in .npy and .npz files, where it is not plain"
    flags.choice("range", None, what, ranges)
    what = "range of the pictures that critics read (default: as the generated ones, or -1,1)"
    flags.choice("critic_range", None, what, ranges)
    what = "side in pixels that pictures of folders are resized to; 0 keeps their size"
    flags.integer("size", 0, what, 0, 2048)
    flags.text(
        "features",
        None,
        "features for the scores: a function, a FILE.npz with a kept classifier, or one with "
        "matrices real, NAME of each generator (default: the data set's own classifier, or pixels)",
        "MODULE:FUNCTION",
    )
    flags.texts("scores", [], "names of scores (default: all that apply)", "NAME")
    most = cli.literal("gan.scores.given:MOST")
    what = "examples in every set that distances are taken between, at most (default: all)"
    flags.integer("n", None, what, cli.literal("gan.scores.given:LEAST"), most)
    least, usual, most = (
        cli.literal(f"gan.scores.{name}")
        for name in ("requirements:LEAST_SAMPLES", "samples:SAMPLES", "samples:MOST_SAMPLES")
    )
    flags.integer("samples", usual, "examples of every scored set, at most", least, most)
    what = "relative gap of exact transport that is good enough, for sets of ten thousands"
    flags.real("gap", 0.0, what, 0, 1)


def main(values) -> None:
    """Judge, write and print."""
    refereeing = gan.runner.refereeing
    features = None
    if values.features is not None:
        features = refereeing.read_features(values.features)
        features = features or gan.scores.features.load(values.features)
    case = refereeing.Case(
        fakes=values.fake,
        real=values.real,
        train=values.train,
        critics=values.critic,
        span=values.range,
        critic_span=values.critic_range,
        side=values.size,
        names=values.scores,
        most=values.n,
        count=values.samples,
        gap=values.gap,
    )
    workdir = outputs.folder(values.workdir)
    report = watched(
        lambda: refereeing.referee(
            case, workdir, data_dir=values.data_dir, features=features, say=_say
        )
    )
    for line in gan.reports.referee_page.text(report):
        print(line)
    print(f"report {workdir}/report.html")


def _say(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    cli.run(define, main, __doc__)
