"""One run: started or continued, evaluated against exact transport, reported."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable

import jax
import numpy as np
from tqdm import tqdm

from gan import data, networks, runs, training
from gan.config import Config
from gan.errors import UserError
from gan.referee.evaluator import Evaluator
from gan.reports import pictures
from gan.runner.evaluation import evaluate_and_report
from gan.scores import needs
from gan.signals import Interrupt, Interrupted


def train(
    config: Config,
    workdir: str,
    *,
    data_dir: str | None = None,
    devices: int = 0,
    interrupt: Interrupt | None = None,
    tensorboard: bool = False,
    evaluated: bool = True,
    progress: Callable[[int, dict[str, float]], None] = lambda step, metrics: None,
    dataset=None,
) -> dict | None:
    """Start or continue the run in `workdir`; evaluate it and write its report at the end.

    Args:
        config: the run; must agree with what the directory holds.
        workdir: run directory, created when missing.
        data_dir: where data sets are, see gan.data.load.
        devices: devices to split batches over; 0 for all.
        interrupt: an entered context; its signal saves and stops the run.
        tensorboard: also write the log as TensorBoard event files.
        evaluated: False leaves the evaluation and the report to experiments.evaluate.
        progress: called after every chunk of rounds with the step and the metrics of its last one.
        dataset: in place of what gan.data.load finds for `config.data`; benchmarks bring their own.

    Returns:
        The evaluation, or the last record of the log when there is none, with "step" and
        "state_sha256"; None when a signal ended the run early.

    Raises:
        GanError: see gan.errors.
    """
    interrupt = interrupt or Interrupt()
    with contextlib.ExitStack() as stack:
        try:
            if dataset is None:
                dataset = interrupt.watch(lambda: data.load(config.data, data_dir=data_dir))
        except Interrupted:
            if jax.process_index() == 0:
                print("stopped while the data were loaded", file=sys.stderr, flush=True)
            return None
        training.check(config, dataset, devices)
        notes = needs.check(config, dataset)
        run = stack.enter_context(runs.open(workdir, config))
        for line in notes:
            _say(run, line)
        run.record_data(data.describe(dataset))
        game = training.make_game(config, dataset, devices)
        step, state = run.resume(game.state)
        _announce(run, config, dataset, game, step)
        logs = [run.log]
        if tensorboard and run.primary:
            logs.append(stack.enter_context(runs.mirror(run.path, step)))
        try:
            if step < config.steps:
                step, state = _play(
                    run, config, dataset, game, step, state, interrupt, logs, progress
                )
        except Interrupted:
            pass
        if step < config.steps:
            _say(run, f"stopped at step {step}; run the same command to continue")
            return None
        if not evaluated:
            return summary(run, state)
        try:
            return _finish(run, config, dataset, game, state, interrupt)
        except Interrupted:
            _say(run, f"stopped before the evaluation of step {step}; experiments.evaluate does it")
            return None


def _play(
    run, config: Config, dataset, game: training.Game, step: int, state, interrupt, logs, progress
):
    """Rounds from `step` on, with everything that is due between them; returns the last pause."""
    start = time.perf_counter()
    example = (state, game.hyper, game.feed.load(step)[0], np.int32(step))
    chunk = interrupt.watch(lambda: game.chunk.lower(*example).compile())
    _say(run, f"compiled in {time.perf_counter() - start:.1f} s")
    scorer = None
    if run.primary:
        scorer = interrupt.watch(
            lambda: Evaluator(config, dataset, game.generator, game.critic, "validation")
        )
    bar = tqdm(
        total=config.steps,
        initial=step,
        unit="step",
        disable=not run.primary,
        mininterval=0.5 if sys.stderr.isatty() else 20,
        dynamic_ncols=True,
    )
    shown: dict[str, str] = {}
    begin, evaluating = time.perf_counter(), []
    if run.primary:
        scorer = timed(scorer, evaluating)

    def show(step, metrics):
        shown["estimate"] = f"{metrics['w1_estimate_batch']:.3g}"
        bar.set_postfix(shown, refresh=False)
        bar.update(step - bar.n)
        progress(step, metrics)

    pauses = training.advance(
        chunk,
        state,
        game.hyper,
        game.feed,
        end=config.steps,
        cadences=cadences(config),
        stopping=lambda: training.agreed(interrupt.signal is not None),
        chunk_seconds=training.CHUNK_SECONDS if jax.process_count() == 1 else None,
        progress=show,
    )
    with bar:
        for step, state, metrics in pauses:
            scores = record(
                run, config, dataset, game.generator, scorer, step, state, metrics, logs
            )
            if scores:
                shown |= {name: f"{scores[name]:.3g}" for name in ("w1", "w1_floor")}
                shown["share"] = f"{scores['critic_share']:.2f}"
    if evaluating:
        share = 100 * sum(evaluating) / (time.perf_counter() - begin)
        _say(
            run,
            f"{len(evaluating)} evaluations, {sum(evaluating):.1f} s in all, took {share:.1f} % of "
            "the time since compilation",
        )
    run.checkpoints.save(step, state)
    return step, state


def timed(function, seconds: list[float]):
    """The function, every call of which appends its seconds to the list."""

    def call(*arguments):
        start = time.perf_counter()
        result = function(*arguments)
        seconds.append(time.perf_counter() - start)
        return result

    return call


def cadences(config: Config) -> tuple[int, ...]:
    """The steps at whose multiples a run has something to do."""
    return (
        config.log_every,
        config.evaluate_every,
        config.sample_every,
        config.checkpoint_every,
    )


def record(run, config: Config, dataset, generator, scorer, step: int, state, metrics, logs):
    """What is due at `step`: scores, a line of the log, a picture, a checkpoint.

    Args:
        run: the writable run directory.
        generator: pure network.
        scorer: evaluator of the validation split; None in processes that do not write.
        state, metrics: after `step` rounds, and of the last of them.
        logs: functions of one record.

    Returns:
        The validation scores, empty when no evaluation was due.
    """

    def due(cadence):
        return step % cadence == 0 or step == config.steps

    scores = {}
    if run.primary and due(config.evaluate_every):
        scores = scorer(*jax.device_get((state.average, state.critic)))
    if due(config.log_every) or due(config.evaluate_every):
        for log in logs:
            log({"step": step, **metrics, **scores})
    if run.primary and due(config.sample_every):
        pictures.save_samples(run.path, config, dataset, generator, state.average, step)
    if due(config.checkpoint_every):
        run.checkpoints.save(step, state, score=scores.get("w1_debiased"))
    return scores


def summary(run, state) -> dict:
    """The last record of the log of a finished run, with "step" and "state_sha256"."""
    step = int(state.step)
    records = run.metrics()
    if not records or records[-1]["step"] != step:
        raise UserError(f"{run.path}: the log lacks step {step}, which was trained")
    return {**records[-1], "state_sha256": runs.tree_hash(state)}


def _finish(run, config: Config, dataset, game: training.Game, state, interrupt) -> dict:
    step, digest = int(state.step), runs.tree_hash(state)
    if not run.primary:
        return {"step": step, "state_sha256": digest}
    params = jax.device_get((state.average, state.critic))
    scores = interrupt.watch(
        lambda: evaluate_and_report(
            run.path, config, dataset, game.generator, game.critic, step, *params
        )
    )
    return {**scores, "step": step, "state_sha256": digest}


def _announce(run, config: Config, dataset, game: training.Game, step: int) -> None:
    players = (game.state.generator, game.state.critic)
    generator, critic = (f"{networks.parameter_count(params):,}" for params in players)
    _say(
        run,
        f"{dataset.name} {' x '.join(map(str, dataset.shape))}, {dataset.size('train'):,} training "
        f"examples; generator {generator}, critic {critic} parameters; "
        f"{game.mesh.size} x {jax.default_backend()}",
    )
    if step:
        _say(run, f"continuing after step {step} of {config.steps}")


def _say(run, text: str) -> None:
    if run.primary:
        print(text, file=sys.stderr, flush=True)
