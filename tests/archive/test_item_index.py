"""The index names the row groups of an item, and hardly ever one for an item that is not there."""

from service.archive.item_index import decoded_index, digest_of, encoded_index, index_of

NAMES = [f"item-{number:05}" for number in range(3_000)]
GROUPS = [(NAMES[start], NAMES[start + 999]) for start in range(0, 3_000, 1_000)]


def test_an_item_is_found_in_its_group() -> None:
    index = decoded_index(encoded_index(index_of([*NAMES, "job_1"], GROUPS)))
    assert [index.groups_of(NAMES[number]) for number in (0, 999, 1_000, 2_999)] == [[0], [0], [1], [2]]
    assert index.may_have(digest_of("job_1"))
    assert index.groups_of("job_1") == []


def test_others_are_ruled_out_but_for_some_in_a_hundred() -> None:
    index = index_of(NAMES, GROUPS)
    wrong = sum(bool(index.groups_of(f"item-{number:05}x")) for number in range(2_900))
    assert wrong < 2_900 * 0.03


def test_an_empty_file_has_nothing() -> None:
    assert index_of([], []).groups_of("a") == []
