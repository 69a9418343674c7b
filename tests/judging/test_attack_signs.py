"""The rules by which attacks are found."""

from service.judging.attack_signs import RULES


def test_every_rule_is_tried_near_words_in_lower_case_and_within_bounds() -> None:
    for rule in RULES:
        assert rule.near
        assert all(near == near.lower() for near in rule.near)
        assert 0 <= rule.before <= 1000
        assert 0 < rule.after <= 1000


def test_no_rule_finds_an_attack_in_nothing() -> None:
    assert not any(rule.pattern.search("") for rule in RULES)
