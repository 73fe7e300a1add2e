"""Which number chooses the best checkpoint, if nobody may look at the test data?

    python -m experiments.choosing --workdir runs/choosing

about a quarter of an hour of one core. Digits by class are trained with several seeds. At every
checkpoint all scores are computed on the validation split; then the truth on the test split:
debiased W1, and how well a classifier does that is trained on generated digits. A number is judged
by its rank correlation with the truth over the checkpoints of a run, and by what is lost if it
chooses. Losses are means over the log lines since the checkpoint before.

Expect exact W1 to agree best with the truth, losses to agree too, and the critic's share to fall
while the generator gets better. DIR/choosing.md holds the tables, DIR/choosing.png the correlations
as a picture. Trained runs and scored checkpoints are kept: stop at any time, and give the same
command to continue.
"""

import gan
from experiments import cli
from gan.signals import Interrupt

CHECKPOINTS = 6


def define(flags) -> None:
    """The flags of this experiment."""
    flags.workdir()
    flags.data_dir()
    flags.text("preset", "digits_conditional", "what is trained; needs classes", "NAME")
    flags.integer("seeds", 8, "runs", 1, cli.SEEDS)
    flags.field("steps", "steps", 3000, "generator steps of each")
    flags.integer("checkpoints", CHECKPOINTS, "checkpoints of each run", 3, 1000)
    flags.field("n", "evaluation_size", None, "examples per evaluated set (default: the preset's)")


def main(values) -> int:
    """Train and score what is missing, write the page and print it."""
    from experiments.choosing import study

    changes = {} if values.n is None else {"evaluation_size": values.n}
    preset = gan.presets.get(values.preset)
    base = study.base(preset, values.steps, values.checkpoints, changes)
    with Interrupt("the same command continues") as interrupt:
        found = study.run(base, values.seeds, values.workdir, values.data_dir, interrupt)
    sizes = gan.referee.players.compared(base, gan.data.load(base.data, values.data_dir))
    print(study.summarize(base, found, sizes, values.workdir, cli.command_line()))
    return 0


if __name__ == "__main__":
    cli.run(define, main, __doc__)
