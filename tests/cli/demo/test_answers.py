"""The demo's data is what it is said to be."""

from service.cli.demo.answers import DEMO_GROUPS, demo_answers, demo_labels


def test_each_case_is_answered_by_both_versions() -> None:
    items = [each.item for each in demo_answers()]
    assert len({item.id for item in items}) == len(items) == 48
    assert [item.group for item in items] == [*DEMO_GROUPS] * 24
    for old, new in zip(items[::2], items[1::2], strict=True):
        assert (old.case, old.input, old.context) == (new.case, new.input, new.context)
        assert old.output != new.output


def test_two_people_agree_mostly_and_not_always() -> None:
    scores = [list(each.labels.values()) for each in demo_answers() if each.labels]
    assert len(scores) == 40
    assert len(demo_labels()) == 80
    assert {value for pair in scores for value in pair} == {1, 2, 3, 4, 5}
    equal = sum(first == second for first, second in scores)
    assert 25 <= equal < 40
    assert all(abs(first - second) <= 1 for first, second in scores)


def test_answers_are_left_for_the_visitor_to_label() -> None:
    assert len([each for each in demo_answers() if not each.labels]) == 8
