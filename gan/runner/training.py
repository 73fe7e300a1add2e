"""Training from the host's side: one run, or several as one jitted training.

The directory of a run that was trained with others is what it would be alone: it can be evaluated,
sampled from, and continued alone or in another company. Resuming is resuming each run; those that a
stop left behind catch up first.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from gan import data, files, networks, rules, runs, training
from gan.config import Config, flatten
from gan.errors import UserError
from gan.referee.probe import Probe
from gan.runner.evaluation import evaluate_and_report
from gan.runner.pauses import Bar, Recorder, cadences, summary, timed
from gan.runs.failure import FAILURE, failure
from gan.runs.loggers import Logger, Start
from gan.runs.loggers import entries as loggers_of
from gan.scores import requirements
from gan.scores.evaluation import Validation, given_features
from gan.signals import Interrupt, Interrupted


def train(
    config: Config,
    workdir: str,
    *,
    data_dir: str | None = None,
    devices: int = 0,
    split_state: bool = False,
    interrupt: Interrupt | None = None,
    tensorboard: bool = False,
    loggers: Sequence[str] = (),
    evaluated: bool = True,
    progress: Callable[[int, Mapping[str, float]], None] = lambda step, metrics: None,
    dataset: Any = None,
    last: Sequence[str] = (),
) -> dict | None:
    """Start or continue the run in `workdir`; evaluate it and write its report at the end.

    Args:
        config: the run; must agree with what the directory holds.
        workdir: run directory, created when missing.
        data_dir: where data sets are, see gan.data.load.
        devices: devices to split batches over; 0 for all.
        split_state: whether each device keeps a part of parameters, average and moments, or all.
        interrupt: an entered context; its signal saves and stops the run.
        tensorboard: short for the logger "tensorboard".
        loggers: who else gets the log: names of gan.registries.LOGGERS, or `package.module:name`.
        evaluated: False leaves the evaluation and the report to `evaluate`.
        progress: called after every chunk of rounds with the step and the metrics of its last one.
        dataset: in place of what gan.data.load finds for `config.data`; benchmarks bring their own.
        last: metrics that the last line of the log has beside those computed while training.

    Returns:
        The evaluation, or the last record of the log when there is none, with "step" and
        "state_sha256"; None when a signal ended the run early.

    Raises:
        GanError: see gan.errors.
    """

    def make(dataset):
        training.check(config, dataset, devices, split_state)
        return lambda: training.make_game(config, dataset, devices, split_state)

    mirrors = loggers_of([*(["tensorboard"] if tensorboard else ()), *loggers])
    how = _How(interrupt or Interrupt(), data_dir, mirrors, evaluated, progress, dataset, last)
    found = _train([config], [workdir], make, how)
    return found[0] if found else None


def train_together(
    members: Sequence[Config],
    workdirs: Sequence[str],
    *,
    data_dir: str | None = None,
    devices: int = 0,
    vectorized: bool | None = None,
    interrupt: Interrupt | None = None,
    evaluated: bool = True,
    last: Sequence[str] = (),
) -> list[dict] | None:
    """Start or continue runs as one jitted training; evaluate each at the end.

    Args:
        members: configs that differ in seed and float hyper-parameters only, see
            gan.training.make_population.
        workdirs: a run directory for each, created when missing.
        data_dir: where data sets are, see gan.data.load.
        devices: devices to split the members over; 0 for as many as divide them.
        vectorized: see gan.training.make_population.
        interrupt: an entered context; its signal saves and stops every run.
        evaluated: False leaves evaluations and reports to `evaluate`.
        last: metrics that the last line of a log has beside those computed while training.

    Returns:
        Per member its evaluation, or the last record of its log when there is none, with "step" and
        "state_sha256"; {"failure": step and quantities} if it diverged. None when a signal ended
        the training early.

    Raises:
        GanError: see gan.errors.
    """
    if len(set(map(os.path.realpath, workdirs))) != len(members):
        raise UserError(f"{len(members)} members need as many different run directories")

    def make(dataset):
        rules.check(members[0])
        training.require(members[0], dataset, members=len(members))
        return lambda: training.make_population(members, dataset, devices, vectorized)

    how = _How(interrupt or Interrupt(), data_dir, evaluated=evaluated, last=last)
    return _train(members, workdirs, make, how)


@dataclasses.dataclass(frozen=True)
class _How:
    """What the callers of `_train` choose."""

    interrupt: Interrupt
    data_dir: str | None = None
    mirrors: Sequence[Logger] = ()
    evaluated: bool = True
    progress: Callable[[int, Mapping[str, float]], None] = lambda step, metrics: None
    dataset: Any = None
    last: Sequence[str] = ()

    def load(self, config: Config):
        """The data set of the runs."""
        return (
            data.load(config.data, data_dir=self.data_dir) if self.dataset is None else self.dataset
        )


@dataclasses.dataclass(frozen=True)
class _Training:
    """What is trained: the run directories, the data, the game or the population of all runs."""

    configs: Sequence[Config]
    runs: Sequence[Any]
    dataset: Any
    game: training.Game | training.Population
    logs: Sequence[Sequence[Callable]]
    failures: dict[int, str]

    @property
    def stacked(self) -> bool:
        """Whether the runs' states are one tree with a leading axis."""
        return isinstance(self.game, training.Population)

    @property
    def left(self) -> list[int]:
        """The runs that have not diverged."""
        return [i for i in range(len(self.runs)) if i not in self.failures]

    @property
    def primary(self) -> bool:
        """Whether this process writes."""
        return self.runs[0].primary

    def say(self, text: str) -> None:
        """A line on stderr, from one process."""
        if self.primary:
            _say(text)

    def apart(self, state) -> list:
        """The state of each run; every process has to ask."""
        if not self.stacked:
            return [training.whole(state)]
        host = jax.device_get(state)
        return [training.member(host, i) for i in range(len(self.runs))]

    def placed(self, states: list):
        """The states of all runs as the game's chunk takes them."""
        if not self.stacked:
            return states[0]
        stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *states)
        return jax.device_put(stacked, jax.tree.map(lambda leaf: leaf.sharding, self.game.state))


def _train(configs, workdirs, make: Callable, how: _How) -> list[dict] | None:
    """Load, check, open, resume, train and evaluate.

    Args:
        configs, workdirs: of the runs.
        make: make(dataset) checks that the runs can be trained on it and returns a function that
            builds their game.
        how: see _How.
    """
    with contextlib.ExitStack() as stack:
        try:
            dataset = how.interrupt.watch(lambda: how.load(configs[0]))
        except Interrupted:
            if jax.process_index() == 0:
                _say("stopped while the data were loaded; run the same command to continue")
            return None
        build = make(dataset)
        notes = requirements.check(configs[0], dataset)
        given_features(configs[0])
        opened = [
            stack.enter_context(runs.open(path, config))
            for path, config in zip(workdirs, configs, strict=True)
        ]
        described = data.describe(dataset)
        for run in opened:
            run.record_data(described)
        game = build()
        states = _resumed(opened, game)
        logs: list[list[Callable]] = [[run.log] for run in opened]
        if how.mirrors and opened[0].primary:
            for run, log, state in zip(opened, logs, states, strict=True):
                start = Start(run.path, flatten(run.config), int(state.step), run.metrics())
                log += [stack.enter_context(mirror.open(start)) for mirror in how.mirrors]
        here = _Training(configs, opened, dataset, game, logs, {})
        if here.stacked:  # a run alone is tried again
            here.failures.update(_known_failures(opened))
        for line in notes:
            here.say(line)
        return _play_and_finish(here, states, how)


def _known_failures(opened) -> dict[int, str]:
    return {i: text for i, run in enumerate(opened) if (text := failure(run.path)) is not None}


def _resumed(opened, game) -> list:
    """The state of every run, from its directory or from the start."""
    if len(opened) == 1 and not isinstance(game, training.Population):
        return [opened[0].resume(game.state)[1]]
    fresh = jax.device_get(game.state)
    return [run.resume(training.member(fresh, i))[1] for i, run in enumerate(opened)]


def _play_and_finish(here: _Training, states: list, how: _How) -> list[dict] | None:
    end = here.configs[0].steps
    with contextlib.suppress(Interrupted):
        if any(int(states[i].step) < end for i in here.left):
            states = _play(here, states, how)
    behind = min((int(states[i].step) for i in here.left), default=end)
    if behind < end:
        here.say(f"stopped at step {behind}; run the same command to continue")
        return None
    results = []
    for i, run in enumerate(here.runs):
        if i in here.failures:
            results.append({"failure": here.failures[i]})
        elif not how.evaluated:
            results.append(summary(run, states[i]))
        else:
            try:
                results.append(_finish(here, i, states[i], how.interrupt))
            except Interrupted:
                here.say(
                    f"stopped before the evaluation of step {end}; experiments.evaluate does it"
                )
                return None
    return results


def _play(here: _Training, states: list, how: _How) -> list:
    """Rounds to the end, or to a signal, with everything that is due between them; returns the
    states at the last pause."""
    config, game = here.configs[0], here.game
    start = min(int(states[i].step) for i in here.left)
    _announce(here, start)
    chunk, scorer = _prepared(here, states, how.interrupt, how.last)
    begin = time.perf_counter()
    evaluating: list[float] = []
    bar = Bar(config.steps, start, how.progress, disable=not here.primary)
    pauses = training.advance(
        chunk,
        here.placed(states),
        game.hyper,
        game.feed,
        end=config.steps,
        cadences=cadences(config),
        fallen=here.failures,
        stopping=lambda: training.agreed(how.interrupt.signal is not None),
        chunk_seconds=training.CHUNK_SECONDS if jax.process_count() == 1 else None,
        progress=bar.show,
    )
    with bar.tqdm:
        for pause in pauses:
            for index, message in pause.fallen.items():
                _give_up(here, index, message, bar)
            states = here.apart(pause.state)
            for index in map(int, np.flatnonzero(pause.moved)):
                scores = _record(here, index, states[index], pause, timed(scorer, evaluating))
                bar.add(scores)
    if evaluating:
        share = 100 * sum(evaluating) / (time.perf_counter() - begin)
        here.say(
            f"{len(evaluating)} evaluations, {sum(evaluating):.1f} s in all, took {share:.1f} % of "
            "the time since compilation"
        )
    for index in here.left:
        here.runs[index].checkpoints.save(int(states[index].step), states[index])
    return states


def _prepared(here: _Training, states: list, interrupt: Interrupt, last: Sequence[str]):
    """The chunk, compiled, and in a process that writes the scorer of the validation split, which
    has the metrics `last` at the last step only."""
    game, start = here.game, time.perf_counter()
    first = min(int(states[i].step) for i in here.left)
    stops = np.zeros(len(states), np.int32) if here.stacked else np.int32(first)
    example = (here.placed(states), game.hyper, game.feed.load(first)[0], stops)
    chunk = interrupt.watch(lambda: game.chunk.lower(*example).compile())
    here.say(f"compiled in {time.perf_counter() - start:.1f} s")
    if not here.primary:
        return chunk, None
    make = functools.partial(Validation, here.configs[0], here.dataset)
    return chunk, interrupt.watch(lambda: make(game.generator, game.critic, last))


def _give_up(here: _Training, index: int, message: str, bar: Bar) -> None:
    """Keeps and says that a run has diverged."""
    here.failures[index] = message
    files.write_json(here.runs[index].path / FAILURE, {"message": message})
    bar.tqdm.write(f"{here.runs[index].path.name} diverged: {message}", file=sys.stderr)


def _record(here: _Training, index: int, state, pause: training.Pause, scorer) -> dict:
    """What is due of one run at a pause."""
    metrics = {name: np.atleast_1d(v)[index].item() for name, v in pause.metrics.items()}
    recorder = Recorder(
        here.runs[index],
        here.configs[index],
        here.dataset,
        here.game.generator,
        scorer,
        here.logs[index],
    )
    return recorder.record(int(np.atleast_1d(pause.steps)[index]), state, metrics)


def _finish(here: _Training, index: int, state, interrupt: Interrupt) -> dict:
    """The last evaluation of a run, with its report."""
    run, step = here.runs[index], int(state.step)
    last = {"step": step, "state_sha256": runs.tree_hash(state)}
    if not run.primary:
        return last
    params = jax.device_get((state.average, state.critic))
    players = here.game.generator, here.game.critic
    config = here.configs[index]

    def work():
        probe = Probe.of(config, here.dataset, *players, "test")
        return evaluate_and_report(run.path, config, probe.look(*params), step)

    return interrupt.watch(work) | last


def _announce(here: _Training, step: int) -> None:
    players = (here.game.state.generator, here.game.state.critic)
    count = len(here.runs)
    generator, critic = (f"{networks.parameter_count(params) // count:,}" for params in players)
    members = f"{count} members, each " if here.stacked else ""
    here.say(
        f"{here.dataset.name} {' x '.join(map(str, here.dataset.shape))}, "
        f"{here.dataset.size('train'):,} training examples; {members}generator {generator}, "
        f"critic {critic} parameters; {here.game.mesh.size} x {jax.default_backend()}"
    )
    if step:
        here.say(f"continuing after step {step} of {here.configs[0].steps}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
