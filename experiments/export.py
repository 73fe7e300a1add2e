"""Take a trained generator away: as a program, or as parameters, with a model card.

    python -m experiments.export --workdir runs/digits --output digits.stablehlo
    python -m experiments.export --workdir runs/digits --step best --output digits.safetensors
    python -m experiments.export --workdir runs/digits --format npz --output digits.npz

stablehlo is the sampler itself, latents (and labels) to images, for CPU, CUDA and TPU. The packages
jax and flatbuffers are all that it needs to run. safetensors and npz are the parameters by name.
Beside the file, FILE.md says what it is: data and their licence, configuration, state of training,
scores, and how to load it. What is exported is the moving average of the generator's parameters, as
sampled and evaluated. It takes a few seconds.
Needs the run directory only, not the data set; stablehlo and safetensors need the extra `export`.
"""

import gan
from experiments import cli
from gan.signals import watched


def define(flags) -> None:
    """The flags of this experiment."""
    flags.workdir()
    flags.step()
    flags.group("export")
    flags.path("output", cli.REQUIRED, "the file, which ends in the name of the format", "FILE")
    names = cli.literal("gan.runner.exporting:PACKAGES")
    flags.choice("format", None, "what is written (default: what --output ends in)", names)


def main(values) -> None:
    """Export, and say what was written."""
    export = gan.runner.exporting.export
    found = watched(
        lambda: export(values.workdir, values.output, format=values.format, step=values.step)
    )
    print(f"generator of step {found.step} in {found.path}, {found.size:,} bytes; see {found.card}")


if __name__ == "__main__":
    cli.run(define, main, __doc__)
