"""Which setting a trial tries: grid, random, or a tree-structured Parzen estimator.

A proposal is a pure function of the space, the sampler, its seed, the setting's index and the
results it may look at, so that a sweep that was killed proposes again what it proposed before.
Grid and random look at nothing; a space of lists alone is drawn from without repeats. TPE (Bergstra
et al. 2011, as in Optuna) looks at the results of earlier batches of settings and at the settings,
without results, of its own batch; hence its proposals do not depend on how many workers there are
or which of them was faster.
"""

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gan.sweeps.space import Space

SAMPLERS = ("grid", "random", "tpe")
STARTUP = 10
"""Settings that TPE draws at random before it learns from results."""

MOST_SHUFFLED = 1_000_000
"""Settings of a space of lists up to which random draws without repeats."""


class Tried(NamedTuple):
    """A setting of an earlier batch; `score` is None if it failed."""

    setting: dict[str, Any]
    score: float | None


def propose(
    space: Space,
    sampler: str,
    seed: int,
    index: int,
    earlier: Sequence[Tried] = (),
    beside: Sequence[dict[str, Any]] = (),
    lower_is_better: bool = True,
) -> dict[str, Any]:
    """Setting number `index`: values of space.axes by path.

    Args:
        space: what is varied.
        sampler: one of SAMPLERS.
        seed: of the sampler, >= 0.
        index: of the setting; below the size of the space for a grid and for lists alone.
        earlier: results, for TPE.
        beside: settings being tried at the same time, for TPE.
        lower_is_better: direction of the scores.
    """
    if sampler == "grid":
        return space.setting(index)
    if sampler == "random" and space.listed and space.size <= MOST_SHUFFLED:
        return space.setting(int(np.random.default_rng(seed).permutation(space.size)[index]))
    import optuna
    from optuna.trial import TrialState, create_trial

    drawn = int(np.random.SeedSequence([seed, index]).generate_state(1)[0])
    distributions = {axis.path: axis.distribution() for axis in space.axes}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        chooser = optuna.samplers.RandomSampler(seed=drawn)
        if sampler == "tpe":
            chooser = optuna.samplers.TPESampler(
                seed=drawn, n_startup_trials=STARTUP, multivariate=True, constant_liar=True
            )
        study = quiet_study(
            sampler=chooser, direction="minimize" if lower_is_better else "maximize"
        )
        for setting, score in earlier if sampler == "tpe" else ():
            # A failed setting is a bad one to learn from: Optuna ranks pruned trials last.
            state = TrialState.PRUNED if score is None else TrialState.COMPLETE
            study.add_trial(
                create_trial(state=state, value=score, params=setting, distributions=distributions)
            )
        for setting in beside if sampler == "tpe" else ():
            study.add_trial(
                create_trial(state=TrialState.RUNNING, params=setting, distributions=distributions)
            )
        return study.ask(distributions).params


def quiet_study(**options):
    """optuna.create_study without its line on stderr."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(**options)
