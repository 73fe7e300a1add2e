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

sweep.db is an Optuna study: `optuna-dashboard sqlite:///DIR/sweep.db` (a package of its own) shows
it, also while the sweep goes on; optuna.load_study(study_name="sweep", storage=...) loads it.

Trials run in processes of their own, one per core or accelerator, with --backend ray as tasks of a
Ray cluster, with --backend slurm as jobs of a SLURM cluster; a job that reaches its time limit
saves, and its trial goes on in another. --together trains trials that share shapes as a population.
On CPUs the table depends neither on how many processes there are nor on who is trained with whom;
on an accelerator, members of a population are the same up to rounding.
"""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path

import gan
from experiments import cli
from gan import files, inputs, outputs, registries, rules
from gan.config import Config
from gan.errors import GanError, UserError
from gan.inputs import SEEDS
from gan.signals import Interrupt, Interrupted

BATCH = 4
"""Settings that TPE proposes before it waits for their results, if the user does not say."""


def run(
    plan: gan.sweeps.driver.Plan,
    workdir: str,
    *,
    make_pool=lambda logs: gan.sweeps.local.LocalPool(0, logs),
    together: int = 0,
    seconds: float = math.inf,
    data_dir: str | None = None,
    devices: int = 1,
    interrupt: Interrupt | None = None,
    command: str = "",
) -> tuple[list[gan.sweeps.ledger.Row], bool]:
    """Start or continue the sweep in `workdir`, and write its table and its report.

    Args:
        plan: see Plan; must agree with what the directory holds, but for more trials.
        workdir: created when missing.
        make_pool: of the folder for logs: a LocalPool, RayPool or SlurmPool; called when there is
            work.
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
    dataset = _suitable_data(plan, data_dir)
    outputs.folder(folder)
    with contextlib.ExitStack() as stack:
        stack.enter_context(gan.runs.lock.lock(folder / "lock"))
        plan = gan.sweeps.binding.bind(folder, plan)
        driver = gan.sweeps.driver.Driver(
            plan,
            _ledger(plan, folder),
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
            with gan.sweeps.progress.progress(driver) as told:
                complete = driver.run(pool, lambda: interrupt.signal is not None, seconds, told)
        driver.write()
        gan.sweeps.report.write(folder, plan, driver.rows, command)
        return driver.rows, complete


def _suitable_data(plan: gan.sweeps.driver.Plan, data_dir: str | None):
    """The data set of all trials; raises UserError where none could be trained and ranked on it."""
    dataset = gan.data.load(plan.base.data, data_dir)
    gan.sweeps.tables.check_score(plan.score, plan.base, dataset)
    gan.scores.requirements.check(plan.base, dataset)
    if not inputs.registries(plan.base).keys() & set(plan.space.fields):
        rules.check(plan.base)
    return dataset


def _ledger(plan: gan.sweeps.driver.Plan, folder: Path) -> gan.sweeps.ledger.Ledger:
    """The record of the sweep's trials."""
    return gan.sweeps.ledger.Ledger(
        folder / "sweep.db",
        plan.space.distributions(),
        plan.score,
        gan.sweeps.tables.lower_is_better(plan.score),
    )


def _check(config: Config, dataset) -> None:
    """Raises UserError if the config cannot be trained, before a process tries."""
    rules.check(config)
    gan.training.require(config, dataset)
    gan.scores.requirements.check(config, dataset)


def define(flags) -> None:
    """The flags of this experiment."""
    flags.workdir()
    flags.data_dir()
    flags.group("sweep")
    names = ", ".join(registries.SPACES)
    what = f"what is varied: a JSON file, or {names} (default: that of DIR)"
    flags.text("space", None, what, "NAME")
    flags.integer("trials", None, "trials in all (default: the whole grid)", 1, cli.COUNT)
    flags.choice(
        "sampler",
        None,
        "who proposes settings (default: grid for all trials of a space that has one, random for "
        "fewer)",
        cli.literal("gan.sweeps.proposals:SAMPLERS"),
    )
    flags.integer("sampler_seed", None, "seed of the sampler (default: 0)", 0, SEEDS)
    flags.integer(
        "batch",
        None,
        "settings that tpe proposes before it waits for their results; the table depends on it, "
        f"not on the workers (default: {BATCH})",
        1,
        cli.COUNT,
    )
    what = (
        "metric on the validation split at the last step, one with a direction, or "
        "package.module:name (default: w1_debiased)"
    )
    flags.text("rank_by", None, what, "METRIC")
    what = "start no trial after so many seconds; those begun are finished"
    flags.real("seconds", math.inf, what, cli.LEAST_SECONDS, cli.SECONDS)
    what = "train up to so many trials of one shape as a population; 0 for 1 on a CPU, 16 elsewhere"
    flags.integer("together", 0, what, 0, cli.COUNT)
    flags.choice("backend", "local", "who trains", ("local", "ray", "slurm"))
    what = (
        "trainings side by side; 0 for one per core or accelerator (ray: all that fit; slurm: 32)"
    )
    flags.integer("workers", 0, what, 0, cli.COUNT)
    flags.integer("devices", 1, "accelerators of every trial; 0 for all", 0, cli.COUNT)
    flags.text("ray_address", None, "of a Ray cluster, or auto", "HOST:PORT")
    flags.real("ray_cpus", 1.0, "CPUs of every Ray task", 0, cli.COUNT)
    flags.real("ray_gpus", 0.0, "GPUs of every Ray task", 0, cli.COUNT)
    flags.text("slurm_partition", None, "of every SLURM job (default: the cluster's)", "NAME")
    flags.integer("slurm_cpus", 1, "CPUs of every SLURM job", 1, cli.COUNT)
    flags.integer("slurm_gpus", 0, "GPUs of every SLURM job", 0, cli.COUNT)
    what = "time limit of every SLURM job; a trial that needs more goes on in another job"
    flags.integer("slurm_minutes", 60, what, 5, cli.COUNT)
    what = "more options of sbatch, as in account=mine qos=long"
    flags.texts("slurm_options", None, what, "OPTION=VALUE")
    what = "slurm, or local: the jobs are processes of this machine, to try it out"
    flags.choice("slurm_cluster", "slurm", what, ("slurm", "local"))
    flags.config("digits")


def make_plan(values) -> gan.sweeps.driver.Plan:
    """The plan that a command line describes; what it leaves out comes from the directory's.

    Raises:
        UserError: for impossible numbers, or no space.
    """
    spaces = gan.sweeps.space
    saved = gan.sweeps.binding.load(Path(values.workdir)) or {}
    if values.space is None and not saved:
        raise UserError(f"--space is needed: a JSON file, or {', '.join(registries.SPACES)}")
    space = spaces.load(values.space) if values.space else spaces.parse(saved["space"])

    def chosen(name: str, default):
        given = getattr(values, name)
        return saved.get(name, default) if given is None else given

    whole = None if space.size is None else space.size * space.repeats
    everything = whole is not None and values.trials in (None, whole)
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
    return gan.sweeps.driver.Plan(
        values.config,
        space,
        sampler,
        chosen("sampler_seed", 0),
        chosen("batch", BATCH),
        chosen("rank_by", "w1_debiased"),
        trials,
    )


def main(values) -> int:
    """Run the sweep; a signal ends it with 128 + its number, and everything is kept."""
    import jax

    plan = make_plan(values)
    asked = gan.sweeps.slurm.Asked(
        values.slurm_cluster,
        values.slurm_partition,
        values.slurm_cpus,
        values.slurm_gpus,
        values.slurm_minutes,
        gan.sweeps.slurm.options(values.slurm_options or ()),
    )
    jax.config.update("jax_platforms", "cpu")  # accelerators are for the workers

    def make_pool(logs: Path):
        if values.backend == "local":
            return gan.sweeps.local.LocalPool(values.workers, logs, values.devices)
        if values.backend == "ray":
            return gan.sweeps.rays.RayPool(
                values.workers, values.ray_address, values.ray_cpus, values.ray_gpus
            )
        return gan.sweeps.slurm.SlurmPool(values.workers, logs, asked)

    with Interrupt("the same command continues") as interrupt:
        rows, complete = run(
            plan,
            values.workdir,
            make_pool=make_pool,
            together=values.together,
            seconds=values.seconds,
            data_dir=values.data_dir,
            devices=values.devices,
            interrupt=interrupt,
            command=cli.command_line(),
        )
        if interrupt.signal is not None and not complete:
            raise Interrupted(interrupt.signal)
    tables = gan.sweeps.tables
    found = tables.settings(plan.space, rows, plan.score)
    print(tables.markdown(plan.space, found, plan.score))
    print(gan.sweeps.report.verdict(plan, rows))
    print(gan.sweeps.importances.importances(plan.space, rows, plan.score).sentence())
    failed = [row for row in rows if row.state == gan.sweeps.ledger.FAILED]
    for row in failed[:10]:
        print(f"trial {row.number} failed: {row.result['reason']}")
    if len(failed) > 10:
        print(f"and {len(failed) - 10} more, see the report")
    ended = sum(row.state != gan.sweeps.ledger.UNFINISHED for row in rows)
    if not complete:
        print(f"out of time after {ended} trials; the same command continues")
    print(f"report {os.path.join(values.workdir, 'report.html')}")
    print(f"done trials={ended} {os.path.join(values.workdir, 'results.csv')}", flush=True)
    if complete and len(failed) == len(rows):
        raise GanError(f"no trial finished; the first: {failed[0].result['reason']}")
    return 0


if __name__ == "__main__":
    cli.run(define, main, __doc__)
