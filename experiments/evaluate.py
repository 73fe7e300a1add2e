"""Evaluate a checkpoint of a run on held-out data, against exact optimal transport.

    python -m experiments.evaluate --workdir runs/digits
    python -m experiments.evaluate --workdir runs/digits --step best

Reads only, so it works while training goes on; writes evaluation.json and report.html. The best
step is the one whose debiased W1 on the validation split is lowest; scores are on the test split.

Sample scores look at the features of a small classifier that is trained on the data set once, or at
those that --features names: a function from float32 examples [n, *shape] to features [n, k].

    python -m experiments.evaluate --workdir runs/digits --features mymodule:myfeatures

With --features inception:FILE they are Inception-v3's (see experiments.inception), and scores of
published names, FID among them, are computed against the whole training set.

Other numbers than the run's config names are asked for by name, with as many metrics as one likes:

    python -m experiments.evaluate --workdir runs/digits --metrics w1 recall mypackage.metrics:mine
"""

from __future__ import annotations

import gan
from experiments import cli
from gan.registries import METRICS
from gan.signals import watched


def define(flags) -> None:
    """The flags of this experiment."""
    flags.workdir()
    flags.data_dir()
    flags.step()
    what = "metrics to report, or package.module:name (default: the config's)"
    flags.names("metrics", None, what, METRICS)
    flags.text(
        "features",
        None,
        "features for the sample scores: a function, a FILE.npz with a kept classifier, or "
        "inception:FILE with weights of Inception-v3 "
        "(default: those of the data set's own classifier)",
        "MODULE:FUNCTION",
    )
    least = cli.literal("gan.scores.requirements:LEAST_SAMPLES")
    usual, most = (
        cli.literal(f"gan.scores.samples:{name}") for name in ("SAMPLES", "MOST_SAMPLES")
    )
    what = f"(default: twice evaluation_size, at most {usual})"
    flags.integer("samples", None, f"examples per set of the sample scores {what}", least, most)


def main(values) -> None:
    """Evaluate and print what it says."""
    features = None
    if values.features is not None:
        features = gan.scores.features.load(values.features)
    if values.samples is not None:
        gan.scores.samples.check_count(values.samples)
    scores = watched(
        lambda: gan.runner.evaluate(
            values.workdir,
            values.step,
            metrics=values.metrics,
            data_dir=values.data_dir,
            features=features,
            count=values.samples,
        )
    )
    gan.reports.summary.show(scores, f"{values.workdir}/report.html")


if __name__ == "__main__":
    cli.run(define, main, __doc__)
