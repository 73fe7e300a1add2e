"""What an evaluation needs of a data set, known before the first step of training."""

from gan.config import Config
from gan.errors import UserError
from gan.scores import samples

LEAST = {"train": 4, "validation": 2, "test": 2}
"""Fewest examples of each split: a distance and its floor compare two examples with two others."""


def check(config: Config, dataset) -> list[str]:
    """What an evaluation of a run on `dataset` will leave out or lower, one line each.

    Args:
        config: gives evaluation_size.
        dataset: what gan.data.load returns.

    Raises:
        UserError: if no evaluation would be possible; names the splits, what they have and need.
    """
    sizes = {split: dataset.size(split) for split in LEAST}
    short = [split for split, least in LEAST.items() if sizes[split] < least]
    if short:
        have = ", ".join(f"{sizes[split]} in {split}" for split in LEAST)
        need = ", ".join(f"{least} in {split}" for split, least in LEAST.items())
        raise UserError(
            f"{dataset.name} is too small to evaluate on: it has {have} examples; needed are at "
            f"least {need} (20 different images where splits are cut from one folder)"
        )
    lines = []
    n = min(config.evaluation_size, sizes["validation"], sizes["test"], sizes["train"] // 2)
    if n < config.evaluation_size:
        lines.append(f"evaluation_size {config.evaluation_size} is lowered to {n} by the splits")
    held_out = samples.held_out(dataset)
    if held_out < samples.LEAST_SAMPLES:
        lines.append(f"no sample scores and proportions: {samples.too_few(dataset)}")
    return lines
