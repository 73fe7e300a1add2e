"""How many critic steps does a round need, and can the certificate choose them while training?

    python -m experiments.critic_steps --workdir runs/critic_steps

about a quarter of an hour of one core. Digits are trained with one, two and five critic steps to a
generator step, and with as many as the critic's certificate asks for: more while the critic proves
less of the distance than as many other real examples would, fewer while it proves more than twice
that. Every training has the same arithmetic to spend. What counts is the debiased W1 of the moving
average on the test split, of each seed against the other ways with the same seed.

The question was put before any run: does the certificate do better than the best fixed number? It
does not; expect one step to do best, and a debiased W1 of 0.23 to 0.28. DIR/critic_steps.md holds
the tables, DIR/critic_steps.png the curves. Finished trainings are kept: stop at any time, and give
the same command to continue.
"""

import gan
from experiments import cli
from gan.signals import Interrupt


def define(flags) -> None:
    """The flags of this experiment."""
    flags.workdir()
    flags.data_dir()
    flags.text("preset", "digits", "what is trained", "NAME")
    flags.integer("seeds", 8, "trainings of each kind", 2, cli.SEEDS)
    what = "rounds with two critic steps whose arithmetic each training has"
    flags.integer("rounds", 2000, what, 1, cli.COUNT)
    flags.integer("looks", 20, "certificates along a training", 2, 1000)
    flags.field("n", "evaluation_size", None, "examples per evaluated set (default: the preset's)")


def main(values) -> int:
    """Train what is missing, write the page and print it."""
    from experiments.critic_steps import study

    changes = {} if values.n is None else {"evaluation_size": values.n}
    base = study.base(gan.presets.get(values.preset), changes)
    asked = study.Asked(base, values.seeds, values.rounds, values.looks)
    with Interrupt("the same command continues") as interrupt:
        found = study.run(asked, values.workdir, values.data_dir, interrupt)
    sizes = gan.referee.players.compared(base, gan.data.load(base.data, values.data_dir))
    print(study.summarize(asked, found, sizes, values.workdir, cli.command_line()))
    return 0


if __name__ == "__main__":
    cli.run(define, main, __doc__)
