"""Which weights of Inception-v3 are these, and how are they made ready for published scores?

    python -m experiments.inception --weights pt_inception-2015-12-05-6726825d.pth
        --output inception.npz
    python -m experiments.evaluate --workdir runs/digits --features inception:inception.npz
    python -m experiments.inception --weights inception.npz --statistics fashion_mnist:train
        --output fashion_mnist_train.npz

The file of weights is that of pytorch-fid's release "fid_weights", or the same one from
torch-fidelity; nothing is downloaded, and PyTorch is not needed. Prints the SHA-256 of the weights
and whether they are those that published scores use. With --statistics a set, named as for
experiments.certify, is passed through the network, and its reference statistics are kept: mu
[2048] and sigma [2048, 2048]. Arrays of images are uint8, or float in [-1, 1]. Seconds to convert;
the network takes about a second for ten images on two CPU cores.
"""

from __future__ import annotations

import sys

import gan
from experiments import cli
from gan import outputs
from gan.errors import UserError

FEWEST = 2
"""Images that have a covariance."""


def define(flags) -> None:
    """The flags of this experiment."""
    flags.path("weights", cli.REQUIRED, "weights: a .pth file, or a .npz file of this command")
    flags.path("output", cli.REQUIRED, "a .npz file: the weights, or the statistics")
    what = "keep the mean and covariance of this set's features in place of the weights"
    flags.text("statistics", None, what, "SET")
    flags.data_dir()


def main(values) -> None:
    """Convert, or compute reference statistics; print the hash."""
    network = gan.scores.inception.read(values.weights)
    images = None
    if values.statistics is not None:
        images = gan.runner.sets.read(values.statistics, values.data_dir)
        images = gan.scores.inception.levels(images)
        if len(images) < FEWEST:
            raise UserError(f"--statistics needs at least {FEWEST} images, got {len(images)}")
    outputs.file(values.output, (".npz",), (values.weights, values.statistics or ""))
    which = "the published" if network.published else "NOT the published"
    print(f"weights   SHA-256 {network.sha256}: {which} ones")
    if images is None:
        gan.scores.inception.write(values.output, network)
        print(f"kept in   {values.output}")
        return
    print(f"passing {len(images):,} images through the network", file=sys.stderr)
    found = gan.scores.moments.moments(network.features(images))
    about = f"{values.statistics}: {network.description}"
    gan.scores.reference_statistics.write(values.output, found, about)
    print(f"of        {found.count:,} images, {values.statistics}")
    print(f"kept in   {values.output}")


if __name__ == "__main__":
    cli.run(define, main, __doc__)
