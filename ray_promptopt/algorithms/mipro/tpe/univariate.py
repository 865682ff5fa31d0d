"""Points proposed by hyperopt's TPE: each variable by its own good and bad density.

hyperopt is driven from outside over a `Trials` made anew from our trials, so it keeps no state.
A choice that was taken away is left out of its trial, as hyperopt does for a variable that a
trial did not have.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from hyperopt import JOB_STATE_DONE, STATUS_OK, Trials, hp, tpe
from hyperopt.base import Domain

from ray_promptopt.algorithms.mipro.tpe.space import Point, Space, Trial


class UnivariateProposer:
    """Asks hyperopt; running trials count as bad as the worst (a constant liar)."""

    def __init__(self, space: Space, trials: Sequence[Trial]) -> None:
        self._space = space
        self._domain = _domain(tuple(len(variable.choices) for variable in space.variables))
        scores = [trial.score for trial in trials if trial.score is not None]
        liar = min(scores, default=0.0)
        self._trials = Trials()
        self._trials.insert_trial_docs(
            [_doc(space, tid, trial, liar) for tid, trial in enumerate(trials)]
        )
        self._trials.refresh()
        self._next_tid = len(trials)

    def propose(
        self, seed: int, *, gamma: float, num_candidates: int, prior_weight: float
    ) -> Point:
        """The point hyperopt suggests under this seed."""
        docs = tpe.suggest(
            [self._next_tid],
            self._domain,
            self._trials,
            seed,
            prior_weight=prior_weight,
            n_startup_jobs=0,
            n_EI_candidates=num_candidates,
            gamma=gamma,
            verbose=False,
        )
        values = docs[0]["misc"]["vals"]
        return self._space.point_of(
            [int(values[_label(position)][0]) for position in range(len(self._space.variables))]
        )


def _label(position: int) -> str:
    return f"v{position}"


@lru_cache(maxsize=64)
def _domain(sizes: tuple[int, ...]) -> Any:
    space = {_label(position): hp.randint(_label(position), n) for position, n in enumerate(sizes)}
    return Domain(_unused_objective, space)


def _unused_objective(_: object) -> float:
    raise AssertionError("hyperopt proposes only; the search scores its points")


def _doc(space: Space, tid: int, trial: Trial, liar: float) -> dict[str, object]:
    score = liar if trial.score is None else trial.score
    places = {
        _label(position): [variable.choices.index(choice)] if choice in variable.choices else []
        for position, (choice, variable) in enumerate(
            zip(trial.point, space.variables, strict=True)
        )
    }
    return {
        "state": JOB_STATE_DONE,
        "tid": tid,
        "spec": None,
        "result": {"status": STATUS_OK, "loss": -score},
        "misc": {
            "tid": tid,
            "cmd": None,
            "workdir": None,
            "idxs": {label: [tid] * len(vals) for label, vals in places.items()},
            "vals": places,
        },
        "exp_key": None,
        "owner": None,
        "version": 0,
        "book_time": None,
        "refresh_time": None,
    }
