"""Pages show rankings by the letters of the outputs."""

from service.rendering.ranking_words import ranking_words


def test_a_ranking_names_outputs_by_their_letters() -> None:
    assert ranking_words([1, 0, 2]) == "B > A > C"
    assert ranking_words([2, [0, 1]]) == "C > A = B"
    assert ranking_words([[0, 1, 2]]) == "A = B = C"
