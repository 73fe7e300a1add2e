"""Several runs trained as one population, each in a run directory of its own.

A member's directory is what `experiments.train` would have written: it can be evaluated, sampled
from, and continued alone or in another company. A population therefore has nothing to save but its
members, and resuming it is resuming each of them; those that a stop left behind catch up first.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np
from tqdm import tqdm

from gan import data, runs, training
from gan.config import Config
from gan.errors import UserError
from gan.referee.probe import Probe
from gan.runner.evaluation import evaluate_and_report
from gan.runner.single import cadences, record, summary
from gan.runs import files
from gan.scores import requirements
from gan.scores.evaluation import Validation
from gan.signals import Interrupt, Interrupted

FAILURE = "failure.json"
"""Beside a run's other files when a number ceased to be finite: {"message": step and quantities}.
The same config would fail again, so the run is not tried a second time."""


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
        evaluated: False leaves evaluations and reports to experiments.evaluate.
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
    interrupt = interrupt or Interrupt()
    with contextlib.ExitStack() as stack:
        try:
            dataset = interrupt.watch(lambda: data.load(members[0].data, data_dir=data_dir))
        except Interrupted:
            _say("stopped while the data were loaded; run the same command to continue")
            return None
        training.check_names(members[0])
        training.require(members[0], dataset, members=len(members))
        requirements.check(members[0], dataset)
        found = [
            stack.enter_context(runs.open(path, config))
            for path, config in zip(workdirs, members, strict=True)
        ]
        described = data.describe(dataset)
        for run in found:
            run.record_data(described)
        population = training.make_population(members, dataset, devices, vectorized)
        fresh = jax.device_get(population.state)
        states = [run.resume(training.member(fresh, i))[1] for i, run in enumerate(found)]
        failures = {i: failure(run.path) for i, run in enumerate(found) if failure(run.path)}
        try:
            states = _play(population, found, dataset, states, failures, interrupt, last)
        except Interrupted:
            pass
        left = [i for i in range(len(found)) if i not in failures]
        if any(states[i].step < members[i].steps for i in left):
            behind = min(int(states[i].step) for i in left)
            _say(f"stopped at step {behind}; run the same command to continue")
            return None
        results = []
        for i, run in enumerate(found):
            if i in failures:
                results.append({"failure": failures[i]})
                continue
            if not evaluated:
                results.append(summary(run, states[i]))
                continue
            try:
                results.append(_finish(run, members[i], dataset, population, states[i], interrupt))
            except Interrupted:
                _say("stopped before the last evaluation; run the same command to continue")
                return None
        return results


def failure(workdir: str | Path) -> str | None:
    """Why the run in a directory ended before its last step; None if it did not."""
    path = Path(workdir) / FAILURE
    return files.read_json(path)["message"] if path.exists() else None


def _play(population, found, dataset, states, failures: dict[int, str], interrupt, last) -> list:
    """Trains to the end with everything that is due; returns the members' states on the host."""
    config, count = population.configs[0], len(found)
    steps = [int(state.step) for i, state in enumerate(states) if i not in failures]
    if not steps or min(steps) == config.steps:
        return states
    _say(f"{count} members on {population.mesh.size} x {jax.default_backend()}")
    if max(steps):
        _say(f"continuing after step {min(steps)} of {config.steps}")
    placed = jax.device_put(
        jax.tree.map(lambda *leaves: np.stack(leaves), *states),
        jax.tree.map(lambda leaf: leaf.sharding, population.state),
    )
    start = time.perf_counter()
    example = (placed, population.hyper, population.feed.load(0)[0], np.zeros(count, np.int32))
    chunk = interrupt.watch(lambda: population.chunk.lower(*example).compile())
    _say(f"compiled in {time.perf_counter() - start:.1f} s")
    players = population.generator, population.critic
    scorer = interrupt.watch(lambda: Validation(config, dataset, *players, last))
    bar = tqdm(
        total=config.steps,
        initial=min(steps),
        unit="step",
        mininterval=0.5 if sys.stderr.isatty() else 20,
        dynamic_ncols=True,
    )

    def progress(step, metrics):
        bar.update(step - bar.n)

    meetings = training.advance_together(
        population,
        placed,
        end=config.steps,
        cadences=cadences(config),
        fallen=failures,
        stopping=lambda: interrupt.signal is not None,
        chunk=chunk,
        progress=progress,
    )
    with bar:
        for meeting in meetings:
            for index, message in meeting.fallen.items():
                failures[index] = message
                files.write_json(found[index].path / FAILURE, {"message": message})
                bar.write(f"{found[index].path.name} diverged: {message}", file=sys.stderr)
            host = jax.device_get(meeting.state)
            states = [training.member(host, i) for i in range(count)]
            for index in map(int, np.flatnonzero(meeting.moved)):
                metrics = {name: values[index].item() for name, values in meeting.metrics.items()}
                run, step = found[index], int(meeting.steps[index])
                logs = [run.log]
                record(run, config, dataset, players[0], scorer, step, states[index], metrics, logs)
    for index, run in enumerate(found):
        if index not in failures:
            run.checkpoints.save(int(states[index].step), states[index])
    return states


def _finish(run, config: Config, dataset, population, state, interrupt) -> dict:
    step, digest = int(state.step), runs.tree_hash(state)
    players = population.generator, population.critic

    def work():
        look = Probe.of(config, dataset, *players, "test").look(state.average, state.critic)
        return evaluate_and_report(run.path, config, look, step)

    scores = interrupt.watch(work)
    return {**scores, "step": step, "state_sha256": digest}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
