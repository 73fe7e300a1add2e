"""Generators of anybody's, known by their examples, before the referee.

    report = judge(fake, real, train=None, scores=("kernel_distance", "recall"))

`judge` takes arrays; `judge_all` takes several generators, which share one real side, so that they
can be ranked.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from gan import arrays
from gan.errors import UserError
from gan.referee import faults, ranking, verdicts
from gan.referee.critics import Certificate, certify_critic
from gan.referee.distances import Distance
from gan.referee.faults import Fault
from gan.referee.ranking import Comparison
from gan.scores import collapse, evaluation, requirements, samples
from gan.scores import space as spaces
from gan.scores.evidence import Evidence, Flows
from gan.scores.given import GivenLook, RealExamples, RealSide, Sample
from gan.scores.metric import Score

MOST_CERTIFIED = 5000
"""Examples of each set that a critic is certified on, since all pairs of them count."""

STATED = (
    *("w1", "w1_spread", "w1_low", "w1_high", "w1_floor", "w1_floor_spread", "p_value"),
    *("w1_debiased", "w1_debiased_low", "w1_debiased_high"),
)
"""Metrics that stand in the distance of a judgement."""

PLAIN = "examples"
"""What numbers without features of their own look at."""


@dataclasses.dataclass(frozen=True)
class Critic:
    """A critic as its scores.

    Attributes:
        real, fake: [m] and [n] scores of the real and of the generated examples; high means real.
        gradients: of the scores at the generated examples, [n, *shape]; None where unknown.
        scale: units of the critic's input to one unit of examples in [-1, 1]; 0.5 for a critic that
            reads pictures in [0, 1].
    """

    real: np.ndarray
    fake: np.ndarray
    gradients: np.ndarray | None = None
    scale: float = 1.0


@dataclasses.dataclass(frozen=True)
class CriticReport:
    """What is proved about a critic: its certificate, the share that the referee's own critic
    proves from other examples, and the answer in words."""

    certificate: Certificate
    reference_share: float
    verdict: str


@dataclasses.dataclass(frozen=True)
class Judgement:
    """What was found about one generator.

    Attributes:
        name: of the generator.
        n: examples in every set that distances are taken between.
        distance: exact W1 with floor, debiased value, intervals and p-value.
        scores: by name, each with n, features, interval and what real examples get.
        skipped: why there is no score, by name.
        faults: what is wrong, in words.
        verdict: the answer in a sentence or two.
        critic: what is proved about the critic; None without one.
        look: the sets themselves.
        collapsed: what n copies of one real example would get, by name of the score.
        flows: between classes; None without classes.
    """

    name: str
    n: int
    distance: Distance
    scores: dict[str, Score]
    skipped: dict[str, str]
    faults: list[Fault]
    verdict: str
    critic: CriticReport | None
    look: GivenLook = dataclasses.field(repr=False)
    collapsed: dict[str, float] = dataclasses.field(default_factory=dict, repr=False)
    flows: Flows | None = dataclasses.field(default=None, repr=False)


@dataclasses.dataclass(frozen=True)
class Report:
    """Judgements by name, in the order given; names ranked; every two compared."""

    judgements: dict[str, Judgement]
    ranking: list[str]
    comparisons: list[Comparison]


def judge(
    fake: np.ndarray,
    real: np.ndarray,
    train: np.ndarray | None = None,
    *,
    scores: Sequence[str] = (),
    features: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Judgement:
    """Judge one generator by its examples.

    Args:
        fake: generated examples [n, *shape]: pictures of any type and range that gan.arrays
            recognises, or points [n, d].
        real: held-out real ones [m, *shape].
        train: the training examples [t, *shape]; without them nothing is said about copying, and
            the floor comes from halves of `real`.
        scores: names of METRICS; none at all for all that apply.
        features: [n, *shape] -> [n, k] that sample scores look at; None for pixels or coordinates.

    Raises:
        UserError: for an unknown score, arrays that are not recognised, sets of different shapes,
            or too few examples.

    >>> import numpy as np
    >>> draw = np.random.default_rng(0)
    >>> fake, real = draw.normal(size=(200, 2)) + 3, draw.normal(size=(200, 2))
    >>> report = judge(fake, real, scores=("precision",))
    >>> report.n, round(report.distance.debiased / 3 / 2**0.5, 1), report.scores["precision"].value
    (100, 0.9, 0.02)
    """
    given = {"fake": fake, "real": real} | ({} if train is None else {"train": train})
    found = {name: arrays.examples(array, name=name).values for name, array in given.items()}
    if len({part.shape[1:] for part in found.values()}) > 1:
        shapes = ", ".join(f"{name} {part.shape}" for name, part in found.items())
        raise UserError(f"examples must have one shape, got {shapes}")
    sets = real_examples(Sample(found["real"]), None if train is None else Sample(found["train"]))
    space = None if features is None else spaces.Features(features, "given function")
    report = judge_all({"generated": found["fake"]}, sets, Wanted(scores, space))
    return report.judgements["generated"]


def real_examples(real: Sample, train: Sample | None = None, origin=None, other=None):
    """The real side's examples by split.

    Args:
        real: held-out examples.
        train: training examples, if known.
        origin: the data set that they are of, if known.
        other: further held-out examples, if known; otherwise `real` is cut into halves.
    """
    rows = np.arange(len(real.examples))
    if other is None:
        order = np.random.default_rng(0).permutation(len(real.examples))
        rows, others = order[: len(order) // 2], order[len(order) // 2 :]
        real, other = real.take(rows), real.take(others)
    return RealExamples(real, other, train, origin, rows)


@dataclasses.dataclass(frozen=True)
class Wanted:
    """How examples are judged.

    Attributes:
        names: of scores; none at all for all that apply.
        features: that sample scores look at, in place of the data set's own.
        most: examples of every set that distances are taken between, at most; None for all.
        count: examples of every scored set, at most.
        gap: relative gap of exact transport that is good enough; 0 is exact.
    """

    names: Sequence[str] = ()
    features: spaces.Features | None = None
    most: int | None = None
    count: int = samples.SAMPLES
    gap: float = 0.0


def judge_all(
    fakes: Mapping[str, np.ndarray],
    sets: RealExamples,
    wanted: Wanted = Wanted(),
    critics: Mapping[str, Critic] | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Report:
    """Judge several generators against one real side, and rank them.

    Args:
        fakes: by name, examples [n, *shape] in [-1, 1], or points.
        sets: the real examples, of that shape.
        wanted: how.
        critics: by the name of their generator.
        say: gets a line when there is something to wait for.

    Raises:
        UserError: for a score that there cannot be, or too few examples.
    """
    check(wanted.names, sets, wanted.features)
    side = RealSide(sets, min(map(len, fakes.values())), wanted.most, wanted.gap)
    space = spaces.space(sets.origin or sets, wanted.features, say)
    judgements = {}
    for name, fake in fakes.items():
        critic = (critics or {}).get(name)
        judgements[name] = _judgement(name, side.look(fake), space, wanted, critic, say)
    found = {name: judgement.distance for name, judgement in judgements.items()}
    return Report(judgements, ranking.ranked(found), ranking.comparisons(found))


def check(
    names: Sequence[str], sets: RealExamples, features: spaces.Features | None = None
) -> None:
    """Raises UserError if a score that is asked for needs what examples alone do not have, or if
    the features of two real examples are not [2, k] and finite."""
    inception = features.inception if features is not None else ""
    situation = requirements.Situation(
        sets, False, features is not None, players=False, trained=sets.trained, inception=inception
    )
    skipped = evaluation.possible(names, situation)[1] if names else {}
    for name, reason in skipped.items():
        raise UserError(f"score {name}: {reason}")
    if features is not None:
        features.checked(sets.examples("test", range(2))[0])


def _judgement(name, look, space, wanted, critic, say) -> Judgement:
    """The judgement of one generator; see `judge_all` and the class."""
    names = wanted.names
    count = min(len(look.extra), wanted.count)
    evidence = Evidence(look, given=wanted.features, count=count, space=space, say=say)
    possible, skipped = evaluation.possible(names, evidence.situation)
    say(f"{name}: exact transport between sets of {look.probe.n} examples")
    distance = look.uncertain_distance
    say(f"{name}: scores of {evidence.samples.n} examples in {space.features.description}")
    found = evaluation.evaluate([n for n in possible if names or n not in STATED], evidence)
    scores = {key: _score(value, look.probe.n) for key, value in found.values.items()}
    wrong = [*_faults(look, space, evidence), *faults.beside_real(scores)]
    return Judgement(
        name,
        look.probe.n,
        distance,
        scores,
        {**skipped, **found.skipped},
        wrong,
        verdicts.generator(distance, wrong),
        None if critic is None else _critic(critic, look, distance),
        look,
        collapse.scores([*scores, "w1", "w1_debiased"], evidence),
        found.proportions,
    )


def _faults(look, space, evidence) -> list[Fault]:
    sets = look.probe.players.dataset
    classes = None
    if space.labels is not None and requirements.trusted(evidence.judged):
        both = evidence.samples.generated, evidence.samples.real
        classes = (*map(space.labels, both), sets.class_names)
    train = look.probe.players.training_examples if sets.trained else None
    return faults.faults(look.extra, sets.examples("test")[0], train, classes)


def _score(value: float | Score, n: int) -> Score:
    return value if isinstance(value, Score) else Score(float(value), n, PLAIN)


def _critic(critic: Critic, look: GivenLook, distance: Distance) -> CriticReport:
    """Certify a critic on the probe and the first generated set, in the critic's own units."""
    chosen = slice(min(look.probe.n, MOST_CERTIFIED))
    sets = look.probe.players.dataset
    real_rows, fake_rows = sets.rows[look.real_rows[chosen]], look.rows[0][chosen]
    certificate = certify_critic(
        critic.scale * look.probe.real[chosen],
        critic.scale * look.fakes[0][chosen],
        np.asarray(critic.real)[real_rows],
        np.asarray(critic.fake)[fake_rows],
        None if critic.gradients is None else np.asarray(critic.gradients)[fake_rows],
    )
    own = look.reference_certificate.share
    stated = {
        "n": certificate.n,
        "critic_share": certificate.share,
        "reference_share": own,
        "w1_debiased": distance.debiased,
        "w1_debiased_low": distance.debiased_interval.low,
        "w1_debiased_high": distance.debiased_interval.high,
    }
    return CriticReport(certificate, own, verdicts.critic(stated))
