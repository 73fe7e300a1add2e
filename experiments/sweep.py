"""Which settings are good? Trains a config over a space of its fields and ranks what came out.

    python -m experiments.sweep --preset digits --space penalty --trials 8 --steps 300 \\
        --workdir runs/sweep

a minute on two CPU cores.

--space is a name, of this library or package.module:name of yours, or a JSON file such as

    {"penalty_weight": {"log": [0.1, 100]}, "n_critic": [1, 5], "seed": [0, 1, 2]}

from fields of the config to lists of choices or to ranges, `log` or `uniform`. Every setting is
trained with each seed of the list, one trial for each; a trial is a run directory below DIR/trials
that experiments.evaluate and experiments.sample open. DIR/results.csv has a line per trial,
DIR/report.html the ranking with its spread over seeds, pictures and failures.

The same command, or --workdir alone, continues a sweep that was stopped or killed, wherever it was,
and ends with the same table; more --trials extend it. The trials are the record: sweep.db, when it
is damaged or gone, is set aside and made again from them, and a trial whose directory was damaged,
changed or deleted is set aside below DIR/trials.bad and made again, each with a line that says so.
A trial that is lost more than three times in one start is listed as failed. A database that another
process keeps locked ends the command with status 5, a full disk with 6, and nothing is lost.

Trials run in processes of their own, one per core or accelerator, or with --backend ray as tasks of
a Ray cluster. --together trains trials that share shapes as a population. On CPUs the table depends
neither on how many processes there are nor on who is trained with whom; on an accelerator, members
of a population are the same up to rounding.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
from pathlib import Path

import jax

from experiments import cli
from gan import data, files, inputs, outputs, rules, training
from gan.config import Config
from gan.errors import GanError, UserError
from gan.inputs import SEEDS
from gan.runs.lock import lock
from gan.scores import requirements
from gan.signals import Interrupt
from gan.sweeps import report, tables
from gan.sweeps import space as spaces
from gan.sweeps.binding import bind, load
from gan.sweeps.driver import Driver, Plan
from gan.sweeps.ledger import FAILED, UNFINISHED, Ledger, Row
from gan.sweeps.local import LocalPool
from gan.sweeps.progress import progress
from gan.sweeps.proposals import SAMPLERS

BATCH = 4
"""Settings that TPE proposes before it waits for their results, if the user does not say."""


def run(
    plan: Plan,
    workdir: str,
    *,
    make_pool=lambda logs: LocalPool(0, logs),
    together: int = 0,
    seconds: float = math.inf,
    data_dir: str | None = None,
    devices: int = 1,
    interrupt: Interrupt | None = None,
    command: str = "",
) -> tuple[list[Row], bool]:
    """Start or continue the sweep in `workdir`, and write its table and its report.

    Args:
        plan: see Plan; must agree with what the directory holds, but for more trials.
        workdir: created when missing.
        make_pool: of the folder for logs: a LocalPool or RayPool; called when there is work.
        together: trials that share shapes and are trained as one population, at most; 0 for one
            on a CPU, 16 elsewhere.
        seconds: after these no further trial is started.
        data_dir: see gan.data.load.
        devices: of every trial.
        interrupt: an entered context; its signal saves and stops.
        command: shown in the report.

    Returns:
        The rows begun so far, and whether the sweep is complete.

    Raises:
        UserError: another sweep's directory, unusable data, a score that these data do not have.
        LockedError: another process runs this sweep.
        StorageError: the directory cannot be written.
    """
    interrupt = interrupt or Interrupt()
    folder = Path(workdir).expanduser().resolve()
    dataset = data.load(plan.base.data, data_dir)
    tables.check_score(plan.score, plan.base, dataset)
    requirements.check(plan.base, dataset)
    if not inputs.registries(plan.base).keys() & set(plan.space.fields):
        rules.check(plan.base)
    outputs.folder(folder)
    with contextlib.ExitStack() as stack:
        stack.enter_context(lock(folder / "lock"))
        plan = bind(folder, plan)
        ledger = Ledger(
            folder / "sweep.db",
            plan.space.distributions(),
            plan.score,
            tables.lower_is_better(plan.score),
        )
        driver = Driver(
            plan,
            ledger,
            folder,
            check=lambda config: _check(config, dataset),
            together=together,
            data_dir=data_dir,
            devices=devices,
        )
        driver.recover()
        complete = not driver.audit() and driver.left == 0
        if not complete:
            with files.storage(folder / "logs"):
                (folder / "logs").mkdir(exist_ok=True)
            pool = make_pool(folder / "logs")
            stack.callback(pool.close)
            with progress(driver) as told:
                complete = driver.run(pool, lambda: interrupt.signal is not None, seconds, told)
        driver.write()
        report.write(folder, plan, driver.rows, command)
        return driver.rows, complete


def _check(config: Config, dataset) -> None:
    """Raises UserError if the config cannot be trained, before a process tries."""
    rules.check(config)
    training.require(config, dataset)
    requirements.check(config, dataset)


def define(parser, argv) -> None:
    """The flags of this experiment."""
    cli.add_workdir(parser)
    cli.add_data_dir(parser)
    group = parser.add_argument_group("sweep")
    group.add_argument(
        "--space",
        metavar="FILE|NAME",
        help=f"what is varied: a JSON file, or {', '.join(spaces.SPACES)} (default: that of DIR)",
    )
    group.add_argument(
        "--trials",
        type=cli.integer(1, cli.COUNT),
        metavar="N",
        help="trials in all (default: the whole grid)",
    )
    group.add_argument(
        "--sampler",
        choices=SAMPLERS,
        help="who proposes settings (default: grid for all trials of a space that has one, random "
        "for fewer)",
    )
    group.add_argument(
        "--sampler_seed", type=cli.integer(0, SEEDS), help="seed of the sampler (default: 0)"
    )
    group.add_argument(
        "--batch",
        type=cli.integer(1, cli.COUNT),
        metavar="K",
        help="settings that tpe proposes before it waits for their results; the table depends on "
        f"it, not on the workers (default: {BATCH})",
    )
    group.add_argument(
        "--rank_by",
        metavar="METRIC",
        help="metric on the validation split at the last step, one with a direction, or "
        "package.module:name (default: w1_debiased)",
    )
    group.add_argument(
        "--seconds",
        type=cli.real(cli.LEAST_SECONDS, cli.SECONDS),
        default=math.inf,
        help="start no trial after so many seconds; those begun are finished",
    )
    group.add_argument(
        "--together",
        type=cli.integer(0, cli.COUNT),
        default=0,
        metavar="K",
        help="train up to K trials of one shape as a population; 0 for 1 on a CPU, 16 elsewhere",
    )
    group.add_argument("--backend", choices=("local", "ray"), default="local", help="who trains")
    group.add_argument(
        "--workers",
        type=cli.integer(0, cli.COUNT),
        default=0,
        help="trainings side by side; 0 for one per core or accelerator (with ray: all that fit)",
    )
    group.add_argument(
        "--devices",
        type=cli.integer(0, cli.COUNT),
        default=1,
        help="accelerators of every trial; 0 for all",
    )
    group.add_argument("--ray_address", metavar="HOST:PORT", help="of a Ray cluster, or auto")
    group.add_argument(
        "--ray_cpus", type=cli.real(0, cli.COUNT), default=1.0, help="CPUs of every Ray task"
    )
    group.add_argument(
        "--ray_gpus", type=cli.real(0, cli.COUNT), default=0.0, help="GPUs of every Ray task"
    )
    cli.add_config(parser, argv, default="digits")


def make_plan(arguments) -> Plan:
    """The plan that a command line describes; what it leaves out comes from the directory's.

    Raises:
        UserError: for impossible numbers, or no space.
    """
    saved = load(Path(arguments.workdir)) or {}
    if arguments.space is None and not saved:
        raise UserError(f"--space is needed: a JSON file, or {', '.join(spaces.SPACES)}")
    space = spaces.load(arguments.space) if arguments.space else spaces.parse(saved["space"])

    def chosen(name: str, default):
        value = getattr(arguments, name)
        return saved.get(name, default) if value is None else value

    whole = None if space.size is None else space.size * space.repeats
    everything = whole is not None and arguments.trials in (None, whole)
    sampler = chosen("sampler", "grid" if everything else "random")
    trials = chosen("trials", whole if sampler == "grid" else None)
    if sampler == "grid":
        space.setting(0)  # says which axis has no grid
    elif not space.axes:
        raise UserError(f"only seeds are swept: {sampler} has nothing to propose; use grid")
    if trials is None:
        raise UserError(f"--trials is needed: the sampler {sampler} could go on for ever")
    if trials > (whole or math.inf) and (sampler == "grid" or sampler == "random" and space.listed):
        raise UserError(f"--trials {trials}: the space has {whole} trials")
    return Plan(
        arguments.config,
        space,
        sampler,
        chosen("sampler_seed", 0),
        chosen("batch", BATCH),
        chosen("rank_by", "w1_debiased"),
        trials,
    )


def main(arguments) -> int:
    """Run the sweep; a signal ends it with 128 + its number, and everything is kept."""
    plan = make_plan(arguments)
    jax.config.update("jax_platforms", "cpu")  # accelerators are for the workers

    def make_pool(logs: Path):
        if arguments.backend == "local":
            return LocalPool(arguments.workers, logs, arguments.devices)
        from gan.sweeps.rays import RayPool

        return RayPool(
            arguments.workers, arguments.ray_address, arguments.ray_cpus, arguments.ray_gpus
        )

    with Interrupt() as interrupt:
        rows, complete = run(
            plan,
            arguments.workdir,
            make_pool=make_pool,
            together=arguments.together,
            seconds=arguments.seconds,
            data_dir=arguments.data_dir,
            devices=arguments.devices,
            interrupt=interrupt,
            command=cli.command_line(),
        )
        if interrupt.signal is not None and not complete:
            print("stopped; the same command continues", file=sys.stderr)
            return cli.leave(128 + interrupt.signal)
    found = tables.settings(plan.space, rows, plan.score)
    print(tables.markdown(plan.space, found, plan.score))
    print(report.verdict(plan, rows))
    failed = [row for row in rows if row.state == FAILED]
    for row in failed[:10]:
        print(f"trial {row.number} failed: {row.result['reason']}")
    if len(failed) > 10:
        print(f"and {len(failed) - 10} more, see the report")
    ended = sum(row.state != UNFINISHED for row in rows)
    if not complete:
        print(f"out of time after {ended} trials; the same command continues")
    print(f"report {os.path.join(arguments.workdir, 'report.html')}")
    print(f"done trials={ended} {os.path.join(arguments.workdir, 'results.csv')}", flush=True)
    if complete and len(failed) == len(rows):
        raise GanError(f"no trial finished; the first: {failed[0].result['reason']}")
    return 0


if __name__ == "__main__":
    cli.run(define, main, __doc__)
