"""The votes of a judgment and their questions."""

from service.contracts.items import Item
from service.contracts.judges import Judge, JudgeRef, Method, ResolvedJudge
from service.judging.ballots import ballots, question_about

PAIRWISE = Judge(criterion="wit", method=Method.PAIRWISE, instructions="?", samples=2)
RESOLVED = ResolvedJudge(
    ref=JudgeRef(name=None, version=None, digest="d"), definition=PAIRWISE, models=["a/small", "b/large"]
)


def test_there_is_a_vote_for_each_model_sample_and_order() -> None:
    assert [tuple(each) for each in ballots(RESOLVED)] == [
        (model, sample, order) for model in ("a/small", "b/large") for sample in (0, 1) for order in ("AB", "BA")
    ]


def test_a_question_shows_the_outputs_in_its_order_and_is_the_same_each_time() -> None:
    item = Item(outputs=["the first", "the second"])
    forward, backward = (question_about(PAIRWISE, item, order, b"secret") for order in ("AB", "BA"))
    assert forward == question_about(PAIRWISE, item, "AB", b"secret")
    text, turned = forward.messages[-1].content, backward.messages[-1].content
    assert text.index("the first") < text.index("the second")
    assert turned.index("the second") < turned.index("the first")
