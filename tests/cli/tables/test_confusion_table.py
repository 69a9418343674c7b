"""Tables of counts in a terminal."""

from service.cli.tables.confusion_table import confusion_grid
from service.rendering.confusion_table import ConfusionTable


def test_the_grid_has_sums_and_brackets_around_equal_values() -> None:
    shown = confusion_grid(ConfusionTable(["fail", "a [b]"], ["a [b]", "fail"], [[0, 5], [4, 0]]))
    cells = [[str(cell) for cell in column.cells] for column in shown.columns]
    assert shown.row_count == 3
    assert cells[0] == ["fail", "a [b]", "all"]
    assert [len(column) for column in cells] == [3, 3, 3, 3]
