"""Does the gradient penalty train architectures that the classic game does not?

    python -m experiments.architectures --sample 200 --trials 200 --workdir runs/architectures

The question of Gulrajani et al. 2017, Section 5.1 and Table 2, on real digits: architectures drawn
from their 9,216, each trained as a non-saturating GAN, as a WGAN-GP and with the one-sided penalty,
with the paper's optimisers and the same number of steps. Success is an inception-type score above a
threshold, with the classifier of the data set (10 is the most for ten classes; real digits score
about 9.5). What differs from the paper so that it fits a laptop: 8 x 8 digits instead of 32 x 32
ImageNet, base filters divided by --shrink, hundreds of steps instead of 100,000, at learning rates
multiplied by --speed, and one critic step for every generator step.

--sample architectures are drawn with --study_seed, the first --trials of them are trained, one row
each per objective in DIR/architectures.csv; DIR/architectures.md holds the tables with exact tests
and intervals, DIR/scatter.png what critics believe against exact W1, DIR/members.png the best, the
median and the worst of each objective. A row takes about 20 s of one core, most of it compilation:
48 architectures 50 minutes, all 200 about three and a half hours. Start the same command several
times to use several cores: each row is trained once. Finished rows are never trained again; the
shared settings of DIR are fixed by the first start.
"""

from experiments import cli
from gan import config as configs
from gan.benchmarks import architecture_space as space
from gan.config import Config, Data
from gan.inputs import SEEDS
from gan.signals import Interrupt

BASE = Config(
    steps=1000,
    batch_size=32,
    n_critic=1,
    ema_decay=0.98,
    evaluation_size=398,
    data=Data(name="digits"),
)
"""What the trainings share, where no flag says otherwise."""


def define(flags) -> None:
    """The flags of this experiment."""
    flags.workdir()
    flags.data_dir()
    flags.integer("sample", 200, "architectures drawn", 1, space.SIZE)
    what = "architectures trained, the first N (default: all)"
    flags.integer("trials", None, what, 1, space.SIZE)
    flags.integer("study_seed", 0, "seed of the draw", 0, SEEDS)
    flags.field("seed", "seed", BASE.seed, "seed of every training")
    flags.text("data", BASE.data.name, "labelled images", "NAME")
    what = "side of the images; 0 for the set's own"
    flags.field("image_size", "data.image_size", 0, what)
    flags.field("steps", "steps", BASE.steps, "generator steps")
    flags.field("n_critic", "n_critic", BASE.n_critic, "critic steps before each of them")
    flags.field("batch_size", "batch_size", BASE.batch_size, "examples per step")
    flags.integer("shrink", 8, "divisor of the base filters", 1, 1024)
    flags.real("speed", 10.0, "factor on the paper's learning rates", 1e-6, 1e30)


def main(values) -> int:
    """Run the study; a signal ends it with 128 + its number, and finished rows are kept."""
    from experiments.architectures import study

    base = configs.replace(
        BASE,
        {name: getattr(values, name) for name in ("seed", "steps", "n_critic", "batch_size")}
        | {"data.name": values.data, "data.image_size": values.image_size},
    )
    chosen = study.Study(
        base=base,
        sample=values.sample,
        study_seed=values.study_seed,
        trials=values.sample if values.trials is None else values.trials,
        shrink=values.shrink,
        speed=values.speed,
    )
    with Interrupt("the same command continues") as interrupt:
        rows = study.run(chosen, values.workdir, data_dir=values.data_dir, interrupt=interrupt)
    print(study.summarize(values.workdir, rows, cli.command_line(), base))
    total = len(chosen.keys)
    if len(rows) < total:
        print(f"{total - len(rows)} rows are with another process; the same command completes")
    print(f"done rows={len(rows)} of {total} {values.workdir}/architectures.csv")
    return 0


if __name__ == "__main__":
    cli.run(define, main, __doc__)
