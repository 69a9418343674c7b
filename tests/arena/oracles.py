"""Other people's ratings, from votes one by one. Their packages take seconds to import, and are if they are asked."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.optimize
import scipy.special
from numpy.typing import NDArray

from service.contracts.arena import ArenaVote, Winner

Numbers = NDArray[np.float64]

SHARE = {Winner.A: 1.0, Winner.B: 0.0, Winner.TIE: 0.5, Winner.BOTH_BAD: 0.5}


def strengths_by_evalica(votes: Sequence[ArenaVote], models: Sequence[str]) -> Numbers:
    """In log-odds, their mean 0."""
    import evalica

    found = evalica.bradley_terry(*_columns(votes), tie_weight=0.5, tolerance=1e-15, limit=1_000_000)
    scores = np.log([float(found.scores[model]) for model in models])
    return np.asarray(scores - scores.mean())


def elo_by_evalica(votes: Sequence[ArenaVote], start: float, k: float) -> dict[str, float]:
    import evalica

    found = evalica.elo(*_columns(votes), initial=start, k=k, tie_weight=0.5)
    return {str(model): float(score) for model, score in found.scores.items()}


class Regression(NamedTuple):
    """Strengths, their mean 0, and effects of other causes behind them, with the covariance of all."""

    coefficients: Numbers
    covariance: Numbers


def by_statsmodels(votes: Sequence[ArenaVote], models: Sequence[str], causes: Numbers | None = None) -> Regression:
    """Binomial regression with robust (HC0) covariance; `causes` has a row for each vote."""
    import statsmodels.api as sm

    plain = designed(votes, models)
    others = np.zeros((len(votes), 0)) if causes is None else causes
    size, more = len(models), others.shape[1]
    centred = np.zeros((size + more, size - 1 + more))  # all strengths from all but the last
    centred[: size - 1, : size - 1] = np.eye(size - 1)
    centred[size - 1, : size - 1] = -1
    centred[size:, size - 1 :] = np.eye(more)
    model = sm.GLM(_shares(votes), np.hstack([plain, others]) @ centred, family=sm.families.Binomial())
    found = model.fit(cov_type="HC0", tol=1e-14, maxiter=200)
    return Regression(centred @ found.params, centred @ found.cov_params() @ centred.T)


def strengths_with_ridge(votes: Sequence[ArenaVote], models: Sequence[str], ridge: float) -> Numbers:
    """Where scipy finds the gradient of the penalised likelihood to be zero."""
    design, won = designed(votes, models), _shares(votes)

    def gradient(at: Numbers) -> Numbers:
        return np.asarray(design.T @ (won - scipy.special.expit(design @ at)) - ridge * at)

    found = scipy.optimize.root(gradient, np.zeros(len(models)), tol=1e-12)
    return np.asarray(found.x)


def designed(votes: Sequence[ArenaVote], models: Sequence[str]) -> Numbers:
    """A row for each vote: 1 for A, -1 for B."""
    position = {model: at for at, model in enumerate(models)}
    rows = np.zeros((len(votes), len(models)))
    for row, (first, second, _) in zip(rows, votes, strict=True):
        row[position[first]], row[position[second]] = 1, -1
    return rows


def _columns(votes: Sequence[ArenaVote]) -> tuple[list[str], list[str], list[Any]]:
    from evalica import Winner as Outcome

    outcome_of = {1.0: Outcome.X, 0.0: Outcome.Y, 0.5: Outcome.Draw}
    outcomes = [outcome_of[SHARE[winner]] for _, _, winner in votes]
    return [first for first, _, _ in votes], [second for _, second, _ in votes], outcomes


def _shares(votes: Sequence[ArenaVote]) -> Numbers:
    return np.array([SHARE[winner] for _, _, winner in votes])
