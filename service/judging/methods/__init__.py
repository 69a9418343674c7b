"""The methods of judging. A new one is one file beside this and one entry here."""

from service.contracts.judges import Judge, Method
from service.judging.methods.base import JudgingMethod, Problem
from service.judging.methods.labelled import Category, PassFail
from service.judging.methods.pairwise import Pairwise
from service.judging.methods.ranking import Ranking
from service.judging.methods.rating import Rating

METHODS: dict[Method, JudgingMethod] = {
    Method.RATING: Rating(),
    Method.PASS_FAIL: PassFail(),
    Method.CATEGORY: Category(),
    Method.PAIRWISE: Pairwise(),
    Method.RANKING: Ranking(),
}


def judge_problems(judge: Judge) -> list[Problem]:
    """What makes a judge unusable: (pointer into its definition, what is wrong)."""
    wrong = [
        (f"/models/{index}", "is there twice")
        for index, model in enumerate(judge.models)
        if model in judge.models[:index]
    ]
    if judge.score_from == "logprobs" and judge.method is not Method.RATING:
        wrong.append(("/score_from", "logprobs give an expected score: only a rating has one"))
    return wrong + METHODS[judge.method].problems(judge)
