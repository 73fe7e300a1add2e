"""Can transport itself train a generator, without a critic, and does the cost matter?

    python -m experiments.primal_vs_dual --workdir runs/primal_vs_dual

about 20 minutes on one idle CPU core. The same generator, data and order of the data, trained by
WGAN-GP and by transport: between minibatches (plain, debiased, entropic), semi-discrete, and with
fixed codes and one permutation of the whole data set; with the distance of pixels, of a frozen
classifier's features, and of both. Two budgets: processor seconds, and generator steps.

Expect plain minibatch transport to have the least W1 and blurred samples, and to be found out by
the debiased value. Tables, pictures and findings are kept in results/primal_vs_dual.

Every run is kept in the run directory and not trained again; stop it at any time and give the same
command to continue.
"""

import dataclasses

import gan
from experiments import cli
from gan import outputs
from gan.errors import UserError
from gan.inputs import unknown


def define(flags) -> None:
    """The flags of this experiment."""
    flags.workdir()
    flags.data_dir()
    names = cli.literal("gan.primal.comparisons:COMPARISONS")
    flags.texts("sets", names, f"data sets, of {', '.join(names)}", "NAME")
    own = "(default: the data set's)"
    flags.field("steps", "steps", None, f"generator steps of the one budget {own}")
    what = f"processor seconds of the other {own}"
    flags.real("seconds", None, what, cli.LEAST_SECONDS, cli.SECONDS)
    flags.integer("seeds", None, f"runs per method and cost {own}", 1, cli.SEEDS)
    flags.integer("size", None, f"training examples {own}", 4, 10**7)
    flags.field("n", "evaluation_size", None, f"examples per evaluated set {own}")
    what = f"generated examples kept, at least twice n {own}"
    flags.integer("samples", None, what, 4, 10**7)
    what = f"ways of training with the size of their batches {own}"
    flags.texts("methods", None, what, "NAME[:NUMBER]")
    names = ", ".join(cli.literal("gan.primal.comparisons:COSTS"))
    flags.texts("costs", None, f"{names} {own}", "NAME")


def comparisons_of(values) -> dict:
    """The comparisons of the data sets that the flags name, changed as they say."""
    known = gan.primal.comparisons.COMPARISONS
    changes = {}
    for field in dataclasses.fields(gan.primal.comparisons.Comparison):
        value = values[field.name].value if field.name in values else None
        if value is not None:
            changes[field.name] = tuple(value) if isinstance(value, list) else value
    if "methods" in changes:
        changes["learned"] = changes["methods"]
    for name in values.sets:
        if name not in known:
            raise UserError(unknown("data set", name, known))
    return {name: dataclasses.replace(known[name], **changes) for name in values.sets}


def main(values) -> None:
    """Runs what is missing, writes the tables and prints them."""
    from experiments.primal_vs_dual import study

    chosen = comparisons_of(values)
    outputs.folder(values.workdir)
    results = study.run(chosen, values.workdir, values.data_dir)
    command = cli.command_line()
    print(study.summarize(chosen, results, values.workdir, values.data_dir, command))


if __name__ == "__main__":
    cli.run(define, main, __doc__)
