"""Tables of counts that are small enough to be read."""

from service.rendering.confusion_table import confusion_table


def test_a_table_of_fractions_is_shown_by_the_nearest_level_and_a_long_scale_in_classes() -> None:
    columns = [1 + n / 20 for n in range(41)]
    counts = [[1] * 41 for _ in range(3)]
    shown = confusion_table({"values": [1, 2, 3], "columns": columns, "counts": counts})
    assert (shown.rows, shown.columns) == (["1", "2", "3"], ["1", "2", "3"])
    assert [sum(row) for row in shown.counts] == [41, 41, 41]
    hundred = list(range(101))
    shown = confusion_table({"values": hundred, "counts": [[int(i == j) for j in hundred] for i in hundred]})
    assert shown.rows == shown.columns
    assert shown.rows[0] == "0 to 10"
    assert [shown.counts[n][n] for n in range(10)] == [10] * 9 + [11]


def test_words_that_nobody_said_are_left_out_of_a_long_table() -> None:
    words = [f"label {n}" for n in range(40)]
    counts = [[0] * 40 for _ in words]
    counts[3][7] = counts[7][7] = 2
    shown = confusion_table({"values": words, "counts": counts})
    assert (shown.rows, shown.columns) == (["label 3", "label 7"], ["label 3", "label 7"])
    assert shown.counts == [[0, 2], [0, 2]]


def test_labels_in_words_stand_beside_a_judge_with_other_values() -> None:
    shown = confusion_table({"values": ["fail", "pass"], "columns": [1, 1.5, 2], "counts": [[3, 1, 0], [0, 0, 2]]})
    assert shown == (["fail", "pass"], ["1", "1.5", "2"], [[3, 1, 0], [0, 0, 2]])
    shown = confusion_table({"values": ["fail", "pass"], "columns": ["red", "blue"], "counts": [[0, 5], [4, 0]]})
    assert shown == (["fail", "pass"], ["red", "blue"], [[0, 5], [4, 0]])


def test_of_very_many_words_the_rare_ones_are_one() -> None:
    words = [f"label {n}" for n in range(100)]
    counts = [[2 if n < 30 else 1 if n == m else 0 for m in range(100)] for n in range(100)]
    shown = confusion_table({"values": words, "counts": counts})
    assert shown.rows == [*words[:30], "others"]
    assert shown.columns == shown.rows
    assert sum(map(sum, shown.counts)) == sum(map(sum, counts))
    assert shown.counts[30] == [0] * 30 + [70]
