"""The series of a gauge's row: those of the served model that answered last, and the older ones in their order."""

from service.gauges.served_lines import SeriesLabels, ServedLines

KNOWN = [  # the one that answered last first
    ("wit", "wit@1 a/x m-3"),
    ("wit", "sha256:c a/x m-2"),
    ("tone", "wit@1 a/x m-1"),
    ("wit", "wit@1 a/x m-2"),
    ("wit", "sha256:b a/x m-1"),
    ("wit", "sha256:a a/x m-2"),
    ("wit", "wit@1 a/x m-1"),
    ("wit", "wit@1 a/x m-0"),
    ("wit", "wit@1 a/x"),
]


def test_the_newest_series_are_those_of_the_served_model_that_answered_last() -> None:
    lines = ServedLines(KNOWN)
    assert lines.newest == [KNOWN[place] for place in (0, 1, 2, 5)]  # inline judges of a model are one row
    assert [lines.is_newest(*each) for each in KNOWN] == [True, True, True, False, False, True, False, False, False]
    assert not lines.is_newest("wit", "wit@2 a/x m-3")


def test_at_most_three_older_served_models_are_given_each_by_itself() -> None:
    lines = ServedLines(KNOWN)
    named = SeriesLabels("wit", "1", "wit", "a/x")
    assert lines.older(named) == [["wit@1 a/x m-2"], ["wit@1 a/x m-1"], ["wit@1 a/x m-0"]]
    assert lines.older(SeriesLabels("inline", "", "wit", "a/x")) == [["sha256:b a/x m-1"]]
    assert lines.older(SeriesLabels("wit", "1", "tone", "a/x")) == []
