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

import sys

from experiments import cli
from experiments.architectures import search_space, study
from gan import config as configs
from gan.config import Config, Data
from gan.inputs import SEEDS
from gan.signals import Interrupt, Interrupted

BASE = Config(
    steps=1000,
    batch_size=32,
    n_critic=1,
    ema_decay=0.98,
    evaluation_size=398,
    data=Data(name="digits"),
)
"""What the trainings share, where no flag says otherwise."""


def define(parser, argv) -> None:
    """The flags of this experiment."""
    cli.add_workdir(parser)
    cli.add_data_dir(parser)
    parser.add_argument(
        "--sample", type=cli.integer(1, search_space.SIZE), default=200, help="architectures drawn"
    )
    parser.add_argument(
        "--trials",
        type=cli.integer(1, search_space.SIZE),
        metavar="N",
        help="architectures trained, the first N (default: all)",
    )
    parser.add_argument(
        "--study_seed", type=cli.integer(0, SEEDS), default=0, help="seed of the draw"
    )
    parser.add_argument(
        "--seed", type=cli.field("seed"), default=BASE.seed, help="seed of every training"
    )
    parser.add_argument("--data", default=BASE.data.name, metavar="NAME", help="labelled images")
    parser.add_argument(
        "--image_size",
        type=cli.field("data.image_size"),
        default=0,
        help="side of the images; 0 for the set's own",
    )
    parser.add_argument(
        "--steps", type=cli.field("steps"), default=BASE.steps, help="generator steps"
    )
    parser.add_argument(
        "--n_critic",
        type=cli.field("n_critic"),
        default=BASE.n_critic,
        help="critic steps before each of them",
    )
    parser.add_argument(
        "--batch_size",
        type=cli.field("batch_size"),
        default=BASE.batch_size,
        help="examples per step",
    )
    parser.add_argument(
        "--shrink", type=cli.integer(1, 1024), default=8, help="divisor of the base filters"
    )
    parser.add_argument(
        "--speed",
        type=cli.real(1e-6, 1e30),
        default=10.0,
        help="factor on the paper's learning rates",
    )


def main(arguments) -> int:
    """Run the study; a signal ends it with 128 + its number, and finished rows are kept."""
    base = configs.replace(
        BASE,
        {name: getattr(arguments, name) for name in ("seed", "steps", "n_critic", "batch_size")}
        | {"data.name": arguments.data, "data.image_size": arguments.image_size},
    )
    chosen = study.Study(
        base=base,
        sample=arguments.sample,
        study_seed=arguments.study_seed,
        trials=arguments.sample if arguments.trials is None else arguments.trials,
        shrink=arguments.shrink,
        speed=arguments.speed,
    )
    with Interrupt() as interrupt:
        try:
            rows = study.run(
                chosen, arguments.workdir, data_dir=arguments.data_dir, interrupt=interrupt
            )
        except Interrupted as stop:
            print("stopped; the same command continues", file=sys.stderr)
            return cli.leave(128 + stop.signal)
    print(study.summarize(arguments.workdir, rows, cli.command_line(), base))
    total = len(chosen.keys)
    if len(rows) < total:
        print(f"{total - len(rows)} rows are with another process; the same command completes")
    print(f"done rows={len(rows)} of {total} {arguments.workdir}/architectures.csv")
    return 0


if __name__ == "__main__":
    cli.run(define, main, __doc__)
