"""Would a run fit an accelerator that is not at hand, how fast could it be, and what bounds it?

    python -m experiments.compile --preset cifar10 --target v5e:2x2 --output cifar10.json

compiles the program that experiments.train would run there with the vendor's own compiler, which
needs no such device; 3 s to 10 minutes. Nothing is run. The compilers are the extras aot-tpu and
aot-cuda, best in an environment of their own: JAX looks for the device wherever they are. Targets:
v5e and v6e with 1 to 256 chips (v5e:2x2 or v5e:4), h100 with 1 to 8 cards, or hosts of 8. Any field
of the config may be changed. Only shapes matter: a data set that is not at hand is taken to have
50,000 examples.

Writes the JSON and a page beside it: whether it fits, what a round computes, moves and exchanges
on each device (loops multiplied), the roofline and what bounds it, the compiler's estimate of
cycles where it gives one (v5e), and the costliest operations with the lines of this project that
they come from. The table in results/compile shows what to expect for every preset.
"""

from __future__ import annotations

import shlex
import sys
import time
from importlib import metadata
from pathlib import Path

import gan
from experiments import cli
from gan import config as configs
from gan import files, outputs, presets

DEFAULT = "digits"
PACKAGES = {"tpu": ("jax", "libtpu"), "cuda": ("jax", "jax-cuda12-pjrt", "nvidia-cuda-nvcc-cu12")}


def define(flags) -> None:
    """The flags of this command."""
    what = "what to compile for, as in v5e:2x2, v6e:8 or h100:8"
    flags.text("target", cli.REQUIRED, what, "KIND:DEVICES")
    flags.path("output", cli.REQUIRED, "what was found, a .json file; a page goes beside it")
    flags.integer(
        "members", 0, "members of a population that is trained at once; 0: a run alone", 0, 10**6
    )
    flags.boolean("split_state", "each device keeps a part of parameters, average and moments")
    flags.real("limit", 1800.0, "seconds for the compiler", cli.LEAST_SECONDS, cli.SECONDS)
    flags.path("text", None, "also keep the compiled program, as text")
    flags.config(default=DEFAULT)


def main(values) -> None:
    """Compile, write the JSON and the page, and print the table."""
    import jax

    jax.config.update("jax_platforms", "cpu")  # an installed compiler would be taken for a device
    programs, page = gan.compilers.programs, gan.compilers.page
    target = gan.compilers.targets.parse(values.target)
    programs.check(values.config, target, values.members, values.split_state)
    output = outputs.file(values.output, (".json",))
    text = outputs.file(values.text, (".txt",), flag="--text") if values.text else None
    preset = values.preset or DEFAULT
    found = programs.compiled(
        values.config,
        target,
        values.limit,
        text and str(text),
        values.members,
        values.split_state,
    )
    before = {} if values.config_path else configs.flatten(presets.get(preset))
    now = configs.flatten(values.config)
    found = {
        "preset": values.config_path or preset,
        "changes": {name: now[name] for name in before if now[name] != before[name]},
        **found,
        "command": shlex.join(["python", "-m", "experiments.compile", *sys.argv[1:]]),
        "date": time.strftime("%Y-%m-%d"),
        "versions": {name: metadata.version(name) for name in PACKAGES[target.machine.platform]},
    }
    files.write_json(output, found)
    page.write(str(Path(output).with_suffix(".html")), found)
    print(page.table(found))


if __name__ == "__main__":
    cli.run(define, main, __doc__)
