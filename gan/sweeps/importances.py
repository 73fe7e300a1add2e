"""Which of the swept fields matter? Shares of the score's variance over the space, by fANOVA.

A forest of regression trees is fitted to the finished trials, and the variance of its prediction
over the whole space is split among the fields, each on its own (Hutter et al. 2014). Seeds that are
swept stand among the fields: their share is luck.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

from gan.sweeps.ledger import FAILED, FINISHED, Row
from gan.sweeps.proposals import quiet_study
from gan.sweeps.space import Space

FEW = 10
"""Finished trials below which the shares are mostly the luck of which settings were tried."""

LEAST = 4
"""Below that nothing is computed."""


class Importances(NamedTuple):
    """What was found.

    Attributes:
        shares: by field, of the variance of the score; they add up to 1, the largest first. Empty
            where there is nothing to learn from.
        trials: finished ones that they rest on.
        failed: those that could not enter, having no score.
        why_not: why there are no shares; "" if there are.
    """

    shares: dict[str, float]
    trials: int
    failed: int
    why_not: str = ""

    def sentence(self) -> str:
        """All of it in words."""
        if self.why_not:
            return f"Importance of the fields: {self.why_not}."
        listed = ", ".join(f"{path} {share:.2f}" for path, share in self.shares.items())
        text = f"Importance of the fields (fANOVA, {self.trials} finished trials): {listed}."
        return f"{text} {self.caution()}".rstrip()

    def caution(self) -> str:
        """What keeps the shares from being believed; "" if nothing in particular does."""
        text = ""
        if self.trials < FEW:
            text = f"Fewer than {FEW} finished trials: the order may be luck."
        if self.failed:
            text += f" What made {self.failed} trials fail is not seen: they have no score."
        return text.strip()


def importances(space: Space, rows: Sequence[Row], score: str) -> Importances:
    """Shares of the fields of a space, from the trials that finished.

    Args:
        space: what was swept.
        rows: of the ledger.
        score: what the trials rank by.

    Returns:
        The same numbers for the same rows; without shares where fewer than LEAST trials finished,
        all have one score, or one field alone was swept.
    """
    finished = [row for row in rows if row.state == FINISHED]
    failed = sum(row.state == FAILED for row in rows)
    values = {row.result[score] for row in finished}
    varied = [p for p in space.fields if len({row.values[p] for row in finished}) > 1]
    why_not = ""
    if len(finished) < LEAST:
        why_not = f"{len(finished)} finished trials are too few"
    elif len(values) == 1:
        why_not = "all finished trials have the same score"
    elif len(varied) < 2:
        why_not = "only one field was varied in the finished trials"
    if why_not:
        return Importances({}, len(finished), failed, why_not)
    return Importances(_shares(space, finished, score, varied), len(finished), failed)


def _shares(
    space: Space, finished: Sequence[Row], score: str, varied: Sequence[str]
) -> dict[str, float]:
    import optuna
    from optuna.trial import TrialState, create_trial

    every = space.distributions()
    distributions = {path: every[path] for path in varied}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = quiet_study()
        for row in finished:
            study.add_trial(
                create_trial(
                    state=TrialState.COMPLETE,
                    value=float(row.result[score]),
                    params={path: row.values[path] for path in varied},
                    distributions=distributions,
                )
            )
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
        found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return dict(sorted(found.items(), key=lambda item: -item[1]))
