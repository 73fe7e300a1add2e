"""What an evaluation says, in words: is the critic trained enough, is the generator?"""

NEEDED = (
    "n",
    "critic_share",
    "yardstick_share",
    "w1_debiased",
    "w1_debiased_low",
    "w1_debiased_high",
)
"""What `critic` speaks of."""


def about_critic(scores: dict) -> bool:
    """Whether an evaluation holds what `critic` speaks of."""
    return all(name in scores for name in NEEDED)


def critic(scores: dict) -> str:
    """Tells a weak critic from a weak generator.

    A critic is called trained enough when it certifies more of the exact distance, on held-out
    examples, than exact transport prices between other examples do. The generator is called
    indistinguishable when the interval of its debiased distance holds 0.

    Args:
        scores: the numbers of an evaluation, those of NEEDED among them.
    """
    share, yardstick = scores["critic_share"], scores["yardstick_share"]
    low, high = scores["w1_debiased_low"], scores["w1_debiased_high"]
    enough = share > max(yardstick, 0)
    left = f"debiased distance {scores['w1_debiased']:.3g}, 95 % interval {low:.3g} to {high:.3g}"
    text = (
        f"{'Yes' if enough else 'No'}. Scaled to slope 1, the critic certifies "
        f"{100 * share:.1f} % of the exact distance between held-out and generated examples, "
        f"{'more' if enough else 'not more'} than the {100 * yardstick:.1f} % that exact transport "
        "prices between as many other examples certify here. "
    )
    if low <= 0:
        return text + (
            f"At n = {scores['n']} the generated examples cannot be told from real ones ({left}), "
            "so there is little for a critic to see; more examples would tell."
        )
    if enough:
        return text + f"What keeps the distance above its floor is the generator ({left})."
    return text + (
        f"The generator is above its floor too ({left}), but train the critic first: more critic "
        "steps per generator step, a higher learning rate or a wider network."
    )
