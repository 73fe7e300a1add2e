"""What happens to a run between two rounds: progress, scores, a line of the log, a picture, a
checkpoint, or its end where a number ceased to be finite."""

import dataclasses
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from tqdm import tqdm

from gan import networks, runs
from gan.config import Config
from gan.errors import UserError
from gan.reports import pictures
from gan.runs.directory import WritableRun
from gan.training.state import State


class Bar:
    """Progress with time left, the critic's estimate and the latest scores."""

    def __init__(self, end: int, start: int, progress: Callable, disable: bool):
        self.tqdm = tqdm(
            total=end,
            initial=start,
            unit="step",
            disable=disable,
            mininterval=0.5 if sys.stderr.isatty() else 20,
            dynamic_ncols=True,
        )
        self.shown: dict[str, str] = {}
        self.progress = progress

    def show(self, step: int, metrics: Mapping[str, Any]) -> None:
        """After a chunk."""
        if np.ndim(metrics["w1_estimate_batch"]) == 0:
            self.shown["estimate"] = f"{metrics['w1_estimate_batch']:.3g}"
            self.tqdm.set_postfix(self.shown, refresh=False)
        self.tqdm.update(step - self.tqdm.n)
        self.progress(step, metrics)

    def add(self, scores: Mapping[str, float]) -> None:
        """After an evaluation, if there was one."""
        for name in ("w1", "w1_floor", "critic_share"):
            if name in scores:
                self.shown[name.removeprefix("critic_")] = f"{scores[name]:.3g}"


def timed(function, seconds: list[float]):
    """The function, every call of which appends its seconds to the list."""

    def call(*arguments, **named):
        start = time.perf_counter()
        result = function(*arguments, **named)
        seconds.append(time.perf_counter() - start)
        return result

    return call


def cadences(config: Config) -> tuple[int, ...]:
    """The steps at whose multiples a run has something to do."""
    every = (config.log_every, config.evaluate_every, config.sample_every, config.checkpoint_every)
    return (*every, config.score_every) if config.score_every else every


@dataclasses.dataclass(frozen=True)
class Recorder:
    """Does what is due of one run at a pause: scores, a line of the log, a picture, a checkpoint.

    Attributes:
        run: the writable run directory.
        config, dataset: of the run.
        generator: pure network.
        scorer: a gan.scores.evaluation.Validation; not called in processes that do not write.
        logs: functions of one record.
    """

    run: WritableRun
    config: Config
    dataset: Any
    generator: networks.Network
    scorer: Callable[..., dict[str, float]]
    logs: Sequence[Callable[[Mapping[str, float]], None]]

    def record(self, step: int, state: State, metrics: Mapping[str, float]) -> dict[str, float]:
        """What is due after `step` rounds, `metrics` being those of the last of them.

        Returns:
            The validation scores, empty when no evaluation was due.
        """
        run, config = self.run, self.config

        def due(cadence):
            return step % cadence == 0 or step == config.steps

        scores = {}
        full = bool(config.score_every) and due(config.score_every)
        evaluated = full or due(config.evaluate_every)
        if run.primary and evaluated:
            players = jax.device_get((state.average, state.critic))
            scores = self.scorer(*players, last=step == config.steps, full=full)
        if due(config.log_every) or evaluated:
            for log in self.logs:
                log({"step": step, **metrics, **scores})
        if run.primary and due(config.sample_every):
            pictures.save_samples(
                run.path, config, self.dataset, self.generator, state.average, step
            )
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
