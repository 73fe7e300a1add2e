"""What an evaluation says, in words: is the critic trained enough, is the generator?"""

from collections.abc import Sequence

from gan.referee.distances import Distance
from gan.referee.faults import Fault

NEEDED = (
    "n",
    "critic_share",
    "reference_share",
    "w1_debiased",
    "w1_debiased_low",
    "w1_debiased_high",
)
"""What `critic` speaks of."""

COPYING = ("copied_share", "nearest_train", "nearest_train_real")
"""What `copying` speaks of."""


def about_critic(scores: dict) -> bool:
    """Whether an evaluation holds what `critic` speaks of."""
    return all(name in scores for name in NEEDED)


def trained_enough(scores: dict) -> bool:
    """Whether the critic certifies more of the exact distance, on held-out examples, than the
    reference critic does, which exact transport between other examples yields."""
    return scores["critic_share"] > max(scores["reference_share"], 0)


def told_apart(scores: dict) -> bool:
    """Whether the interval of the debiased distance lies above 0."""
    return scores["w1_debiased_low"] > 0


def critic(scores: dict) -> str:
    """Tells a weak critic from a weak generator, by `trained_enough` and `told_apart`.

    Args:
        scores: the numbers of an evaluation, those of NEEDED among them.
    """
    share, reference = scores["critic_share"], scores["reference_share"]
    low, high = scores["w1_debiased_low"], scores["w1_debiased_high"]
    left = f"debiased distance {scores['w1_debiased']:.3g}, 95 % interval {low:.3g} to {high:.3g}"
    certifies = (
        f"Scaled to slope 1, the critic certifies {_percent(share)} of the exact distance "
        f"between held-out and generated examples. The reference critic, which exact transport "
        f"between as many other examples yields, certifies {_percent(reference)} of that "
        "distance. "
    )
    if not told_apart(scores):
        return (
            f"Nothing to see: at n = {scores['n']} the generated examples cannot be told from real "
            f"ones ({left}). {certifies}More examples would tell."
        )
    if trained_enough(scores):
        return f"Yes. {certifies}What keeps the distance above its floor is the generator ({left})."
    if share < 0:
        return (
            f"No. {certifies}It scores generated examples above real ones: is the sign reversed? "
            "High means real. If not, train the critic first; the generator is above its floor "
            f"too ({left})."
        )
    return (
        f"No. {certifies}The generator is above its floor too ({left}), but train the critic "
        "first: more critic steps per generator step, a higher learning rate or a wider network."
    )


def copying(copies: bool, share: float, interval, nearest: float, usual: float) -> str:
    """Whether training examples are repeated, with the numbers behind the answer.

    Args:
        copies: the answer, see gan.referee.faults.copying.
        share, interval: of copies, an estimate and its 95 % interval.
        nearest, usual: median distances to the nearest training example, of generated examples and
            of held-out real ones.
    """
    low, high = interval
    beside = (
        f"The nearest training example is {nearest:.3g} away from a generated example and "
        f"{usual:.3g} from a held-out real one (medians). The estimated share of copies is "
        f"{share:.2g}, its 95 % interval {low:.2g} to {high:.2g}."
    )
    if copies:
        return f"Yes. {beside}"
    if low > 0:
        return (
            f"Not shown. {beside} Generated examples resemble training examples more often than "
            "chance explains, but they are too few or too far away to be called copies."
        )
    return f"Not shown. {beside} The interval holds 0; an estimate may be negative by chance."


def generator(distance: Distance, faults: Sequence[Fault]) -> str:
    """Whether generated examples can be told from real ones, and what is wrong with them.

    They can be told if a fault was found, if the interval of the debiased distance lies above 0, or
    if the permutation test rejects at 5 %.

    Args:
        distance: with interval and p-value.
        faults: see gan.referee.faults.

    Raises:
        ValueError: for a distance without interval or p-value.
    """
    if distance.debiased_interval is None or distance.p_value is None:
        raise ValueError("a verdict needs a distance with resamples and permutations")
    low, high = distance.debiased_interval
    far = low > 0 or distance.p_value < 0.05
    beside = (
        f"debiased distance {distance.debiased:.3g} (95 % interval {low:.3g} to {high:.3g}, "
        f"p = {distance.p_value:.2g}, n = {distance.n})"
    )
    if not far and not faults:
        return f"Cannot be told from real examples at this n: {beside}. More examples may tell."
    named = "".join(f" {fault.text}" for fault in faults)
    times = "infinitely many"
    if distance.floor:
        ratio = distance.value / distance.floor
        times = f"{ratio:.2f}" if ratio < 1000 else f"{ratio:.3g}"
    where = f"lies {times} times as far from the real examples as other real examples do"
    if not faults:
        named = " None of the known faults was found, so look at the pictures."
    if not far:
        alone = "By the distance alone the examples cannot be told from real ones"
        return f"{alone}: {beside}. But:{named}"
    return f"Can be told from real examples: it {where}; {beside}.{named}"


def _percent(share: float) -> str:
    """In percent, never "-0.0"."""
    return f"{round(100 * share, 1) + 0.0:.1f} %"
