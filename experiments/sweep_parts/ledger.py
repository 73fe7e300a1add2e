"""The record of a sweep: an Optuna study in SQLite, one trial for each row of the table.

A trial is written in one transaction when it is begun, with all its values, and is finished or
failed at most once. Whatever is killed in between, the study holds each trial once, and those that
were begun and not finished are continued. There is one writer, the holder of the sweep's lock.
"""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from experiments.sweep_parts.proposals import quiet_study

NAME = "sweep"
UNFINISHED, FINISHED, FAILED = "unfinished", "finished", "failed"


class Row(NamedTuple):
    """One trial: `values` of every swept field, `result` what trials.run_job said of it."""

    number: int
    values: dict[str, Any]
    state: str
    result: dict[str, Any]


class Ledger:
    """The study in `path`, created if missing.

    Args:
        path: of the SQLite file.
        distributions: Optuna's, of every swept field.
        score: name of the score that trials rank by.
        lower_is_better: its direction.
    """

    def __init__(self, path: Path, distributions: dict, score: str, lower_is_better: bool):
        import optuna

        self._distributions = distributions
        self._score = score
        if not path.exists():
            _create(path, "minimize" if lower_is_better else "maximize")
        self._storage = optuna.storages.RDBStorage(_url(path))
        self._study = optuna.load_study(study_name=NAME, storage=self._storage)
        self._id = self._storage.get_study_id_from_name(NAME)

    def rows(self) -> list[Row]:
        """Every trial begun, in order."""
        from optuna.trial import TrialState

        states = {TrialState.COMPLETE: FINISHED, TrialState.FAIL: FAILED}
        return [
            Row(
                trial.number,
                trial.params,
                states.get(trial.state, UNFINISHED),
                json.loads(trial.user_attrs.get("result", "{}")),
            )
            for trial in self._study.get_trials(deepcopy=False)
        ]

    def begin(self, number: int, values: dict[str, Any]) -> None:
        """Write down a trial before it is trained; numbers are given in order."""
        from optuna.trial import TrialState, create_trial

        count = len(self._study.get_trials(deepcopy=False))
        if number != count:
            raise AssertionError(f"trial {number} would be number {count} of the study")
        self._study.add_trial(
            create_trial(state=TrialState.RUNNING, params=values, distributions=self._distributions)
        )

    def end(self, number: int, result: dict[str, Any]) -> None:
        """Write down what became of a trial.

        The result comes first and the state last: a trial killed in between is still unfinished,
        and will have the same result.
        """
        from optuna.trial import TrialState

        trial = self._storage.get_trial_id_from_study_id_trial_number(self._id, number)
        self._storage.set_trial_user_attr(trial, "result", json.dumps(result))
        if result["state"] == FINISHED:
            self._study.tell(number, float(result[self._score]))
        else:
            self._study.tell(number, state=TrialState.FAIL)


def _create(path: Path, direction: str) -> None:
    """An empty study; its tables take several transactions, so it is named when it is whole."""
    from optuna.storages import RDBStorage

    unfinished = path.with_name(path.name + ".new")
    for left in (unfinished, path.with_name(unfinished.name + "-journal")):
        left.unlink(missing_ok=True)
    storage = RDBStorage(_url(unfinished))
    quiet_study(storage=storage, study_name=NAME, direction=direction)
    storage.engine.dispose()
    os.replace(unfinished, path)


def _url(path: Path) -> str:
    from sqlalchemy.engine import URL

    url = URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)
    return url.replace("{", "{{").replace("}", "}}")  # Optuna formats the text
