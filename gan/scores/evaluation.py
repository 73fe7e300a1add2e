"""An evaluation: the metrics that a config names, computed, and as JSON.

Intervals of sample scores are those of gan.referee.resampling: random halves of both samples.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Sequence
from typing import Any

from gan.config import Config
from gan.referee import resampling
from gan.referee.probe import Probe
from gan.registries import METRICS
from gan.scores import features, neighbours, requirements, samples
from gan.scores.evidence import Evidence, Flows, clipped
from gan.scores.metric import Score
from gan.scores.progress import progress
from gan.scores.requirements import Situation
from gan.scores.space import Features
from gan.transport import memory

LONG = 10
"""Seconds from which on sample scores say beforehand how long they will take."""

HEADER = {
    "step": "Generator steps behind the evaluated checkpoint.",
    "split": "The split of real data compared with; it took no part in training.",
    "n": "Examples in every compared set; distances between samples depend on it.",
}
"""What stands before the metrics of an evaluation, and what it means."""


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What was found.

    Attributes:
        n: examples of every set that distances are taken between.
        values: by name of the metric.
        skipped: why there is no value, by name.
        proportions: the flows behind some of the values; None without these.
        class_shares: by class, behind the class shares; None without these.
    """

    n: int
    values: dict[str, float | int | Score]
    skipped: dict[str, str]
    proportions: Flows | None = None
    class_shares: dict[str, dict[str, float | None]] | None = None


def possible(names: Sequence[str], situation: Situation) -> tuple[list[str], dict[str, str]]:
    """Which metrics a situation allows, and why not the others.

    Args:
        names: of metrics; none at all for every standard one, of which those are left out without
            a word that nobody would expect.
        situation: data set and run.

    Raises:
        UserError: for an unknown name.
    """
    found, skipped = [], {}
    for name in names or [name for name in METRICS if METRICS.get(name).cost != "asked"]:
        missing = requirements.unmet(name, situation)
        if missing is None:
            found.append(name)
        elif missing.said or names:
            skipped[METRICS.get(name).within or name] = missing.reason(situation)
    return found, skipped


def evaluate(names: Sequence[str], evidence: Evidence) -> Evaluation:
    """Compute metrics.

    Args:
        names: see `possible`.
        evidence: what they are computed from.

    Raises:
        UserError: for an unknown name, a number of samples out of range, or given features that
            are not [n, k] and finite.
    """
    names, skipped = _trusted(names, evidence)
    on_features = [name for name in names if METRICS.get(name).of_features]
    scores = _on_features(on_features, evidence) if on_features else {}
    values = {
        name: scores[name] if name in scores else METRICS.get(name).compute(evidence)
        for name in names
    }
    blocks = {METRICS.get(name).within for name in names}
    return Evaluation(
        evidence.look.probe.n,
        values,
        skipped,
        evidence.proportions if "proportions" in blocks else None,
        evidence.class_shares if "class_shares" in vars(evidence) else None,
    )


def _trusted(names: Sequence[str], evidence: Evidence) -> tuple[list[str], dict[str, str]]:
    """`possible`, with the accuracy of the classifier where something rests on it."""
    allowed, skipped = possible(names, evidence.situation)
    if possible(allowed, evidence.situation._replace(accuracy=0.0))[0] == allowed:
        return allowed, skipped
    situation = evidence.judged
    if not requirements.trusted(situation):
        evidence.say(f"{requirements.distrust(situation)}: what rests on it is left out")
    return possible(names, situation)


def _on_features(names: Iterable[str], evidence: Evidence) -> dict[str, Score]:
    """Metrics of a pair of feature sets, all on the same half-samples."""
    pair, metrics = evidence.pair, {name: METRICS.get(name) for name in names}
    sizes = len(pair.generated), len(pair.real)
    memory.require(
        neighbours.needed(*sizes), f"neighbours among {sizes[0]} and {sizes[1]} examples"
    )
    on_halves = _on_halves(metrics, pair, evidence.say)
    scale = resampling.scale(sizes, samples.LARGEST_HALF)
    found = {}
    for name, metric in metrics.items():
        value = metric.of_features(pair)
        by_classes = requirements.CLASSIFIER in metric.needs
        by = evidence.space.classifier if by_classes else evidence.space.features
        found[name] = Score(
            value=value,
            n=len(pair.generated),
            features=by.description,
            interval=clipped(value, on_halves[name], metric.bounds, scale),
            real=metric.of_features(evidence.real_pair),
            p_value=metric.p_value and metric.p_value(pair),
        )
    return found


def _on_halves(metrics: dict[str, Any], pair, say) -> dict[str, list[float]]:
    """The metrics on HALVES half-samples of a pair; says how long the rest will take at most, as
    soon as the first tells it."""
    found: dict[str, list[float]] = {name: [] for name in metrics}
    sizes = len(pair.generated), len(pair.real)
    halves = resampling.halves(sizes, samples.HALVES, most=samples.LARGEST_HALF)
    start = time.perf_counter()
    for count in progress(range(samples.HALVES), "intervals of sample scores", "half"):
        rows = next(halves)
        half = pair.take(*rows)
        for name, metric in metrics.items():
            found[name].append(metric.of_features(half))
        if not count:
            seconds = time.perf_counter() - start
            # Twice the whole: generated against real examples, and other real ones.
            times = max(n / len(part) for n, part in zip(sizes, rows, strict=True)) ** 2
            seconds *= samples.HALVES + 2 * times
            if seconds > LONG:
                say(f"sample scores of {sizes[0]} examples: at most about {_duration(seconds)}")
    return found


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} s"


def to_json(found: Evaluation) -> dict[str, Any]:
    """An evaluation as evaluation.json holds it."""
    plain: dict[str, Any] = {"n": found.n}
    for name, value in found.values.items():
        if METRICS.get(name).within == "proportions":
            continue
        plain[name] = _score_to_json(value) if isinstance(value, Score) else value
    plain["skipped_scores"] = found.skipped
    if found.proportions is not None:
        plain["proportions"] = _flows_to_json(found.proportions)
    if found.class_shares is not None:
        plain["class_shares"] = found.class_shares
    return plain


def _score_to_json(score: Score) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in score._asdict().items()
        if value is not None
    }


def _flows_to_json(found: Flows) -> dict[str, Any]:
    generated, real = found.generated, found.real
    return {
        "n": found.n,
        "classes": found.class_names,
        "labels": found.rule,
        "least_change": generated.least_change,
        "least_change_interval": generated.least_change_interval,
        "plan_change": generated.plan_change,
        "missed_share": generated.missed_share,
        "real": {
            "least_change": real.least_change,
            "plan_change": real.plan_change,
            "missed_share": real.missed_share,
        },
        "generated_shares": generated.flow.sum(axis=1).tolist(),
        "real_shares": generated.flow.sum(axis=0).tolist(),
        "flow": generated.flow.tolist(),
    }


def numbers(found: Evaluation) -> dict[str, float | int]:
    """The values alone, by name, with n: what a line of a log holds."""
    values = {
        name: value.value if isinstance(value, Score) else value
        for name, value in found.values.items()
    }
    return {"n": found.n, **values}


class Validation:
    """Scores parameters on the validation split, while training.

    Args:
        config: the run.
        dataset: what gan.data.load returns.
        generator, critic: pure networks.
        last: metrics that the last step has beside the cheap ones of the config.

    Raises:
        UserError: for a name in `last` that the data do not allow, or features that there are none
            of.
    """

    def __init__(self, config: Config, dataset, generator, critic, last: Sequence[str] = ()):
        self._config = config
        self._probe = Probe.of(config, dataset, generator, critic, "validation")
        self._given = given_features(config)
        situation = Situation(dataset, config.conditional, self._given is not None)
        allowed, _ = possible(config.metrics, situation)
        self._cheap = [name for name in allowed if METRICS.get(name).cost == "cheap"]
        self._last = [name for name in last if name not in self._cheap]

    def __call__(
        self, generator_params, critic_params, *, last: bool = False, full: bool = False
    ) -> dict:
        """Numbers by name, for the log.

        Args:
            generator_params, critic_params: of the players.
            last: whether this is the last step.
            full: whether all metrics are due, not the cheap ones alone.
        """
        look = self._probe.look(generator_params, critic_params)
        evidence = evidence_of(self._config, look, given=self._given)
        names = self._cheap
        if full:
            names, _ = possible(self._config.metrics, evidence.situation)
        if last:
            names = [*names, *(name for name in self._last if name not in names)]
        return numbers(evaluate(names, evidence)) if names else {}


def given_features(config: Config) -> Features | None:
    """The features that a config names in place of the data set's own.

    Raises:
        UserError: if there are none of that name.
    """
    return None if config.features is None else features.load(config.features)


def evidence_of(config: Config, look, *, given=None, count: int | None = None, say=None):
    """The evidence of a run at a look.

    Args:
        config: of the run.
        look: at its players.
        given: see Evidence.
        count: see Evidence; None for the usual number.
        say: see Evidence.
    """
    return Evidence(
        look,
        conditional=config.conditional,
        given=given,
        count=count or min(samples.SAMPLES, 2 * config.evaluation_size),
        say=say,
    )
