"""What do published scores, FID among them, say of images from anywhere? Inception-v3, made ready.

    python -m experiments.inception --weights pt_inception-2015-12-05-6726825d.pth
        --output inception.npz
    python -m experiments.inception --weights inception.npz --samples run:runs/digits:50000
        --reference digits:train
    python -m experiments.inception --weights inception.npz --statistics digits:train
        --output digits_train.npz

The file of weights is that of pytorch-fid's release "fid_weights", or the same one from
torch-fidelity; nothing is downloaded, and PyTorch is not needed. Prints its SHA-256. The first
command converts it. The second scores: a set is named as for experiments.referee; the reference
may also be a .npz file of statistics, mu [2048] and sigma [2048, 2048]. The third makes such a
file. Scores under published names need the published weights; what differs from the published
protocol, above all n, is said. Seconds to convert; the network takes about a second for ten images
on two CPU cores. A run is scored while it is evaluated by

    python -m experiments.evaluate --workdir runs/digits --features inception:inception.npz
"""

from __future__ import annotations

import sys

import gan
from experiments import cli
from gan import outputs
from gan.errors import UserError


def define(flags) -> None:
    """The flags of this experiment."""
    flags.path("weights", cli.REQUIRED, "weights: a .pth file, or a .npz file of this command")
    flags.path("output", None, "a .npz file to write: the weights, or the statistics")
    flags.text("statistics", None, "write the statistics of this set, not the weights", "SET")
    flags.text("samples", None, "score this set of generated images", "SET")
    flags.text("reference", None, "against this set, or this .npz file of statistics", "SET")
    ranges = cli.literal("gan.arrays:RANGES")
    what = "range of the values of pictures in .npy and .npz files, where it is not plain"
    flags.choice("range", None, what, ranges)
    what = "side in pixels that pictures of folders are resized to; 0 keeps their size"
    flags.integer("size", 0, what, 0, 2048)
    flags.data_dir()


def main(values) -> None:
    """Convert, score, or compute statistics; print the hash."""
    scoring = values.samples is not None
    if scoring != (values.reference is not None):
        raise UserError("--samples and --reference go together: what is scored, and against what")
    if scoring == (values.output is not None):
        raise UserError("give --output FILE.npz to write, or --samples and --reference to score")
    network = gan.scores.inception.read(values.weights)
    which = "the published" if network.published else "NOT the published"
    print(f"weights   SHA-256 {network.sha256}: {which} ones", file=sys.stderr)
    if scoring:
        score(network, values)
    else:
        write(network, values)


def score(network, values) -> None:
    """Print the scores of --samples against --reference."""
    gan.scores.published_sets.require_published(network)
    files = gan.scores.reference_statistics
    samples = pictures(values.samples, values)
    if files.is_one(values.reference):
        reference = files.read(values.reference)
        made = files.weights(values.reference)
        if made not in ("", network.sha256):
            raise UserError(
                f"{values.reference} was made with other weights, SHA-256 {made[:8]}..."
            )
    else:
        reference = pictures(values.reference, values)
    found = gan.scores.published_sets.compare(network, samples, reference, values.reference)
    shown = {
        name: {"value": each.value, "n": each.n, "features": each.features}
        for name, each in found.items()
    }
    gan.reports.summary.show_numbers(shown)


def write(network, values) -> None:
    """Write the weights, or the statistics of --statistics, into --output."""
    images = None
    if values.statistics is not None:
        images = pictures(values.statistics, values)
    outputs.file(values.output, (".npz",), (values.weights, values.statistics or ""))
    if images is None:
        gan.scores.inception.write(values.output, network)
        print(f"weights   {network.sha256} in {values.output}")
        return
    found = gan.scores.moments.moments(network.features(images))
    about = f"{values.statistics}: {network.description}"
    gan.scores.reference_statistics.write(values.output, found, about, network.sha256)
    print(f"statistics of {found.count:,} images of {values.statistics} in {values.output}")


def pictures(text: str, values):
    """The pictures that a SET names, as levels uint8 [n, h, w, 3], two at least."""
    found = gan.runner.sets.read(text, values.data_dir, values.size).examples(values.range)
    for note in found.notes:
        print(note, file=sys.stderr)
    return gan.scores.inception.levels(found.values)


if __name__ == "__main__":
    cli.run(define, main, __doc__)
