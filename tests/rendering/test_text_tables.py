"""Tables as text: no cell breaks a row, and no text is a formula."""

import csv
import io
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.rendering.text_tables import csv_table, markdown_table

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=10)


@given(st.lists(st.lists(texts, min_size=2, max_size=2), max_size=4))
def test_every_row_of_markdown_is_one_line_with_its_cells(rows: list[list[str]]) -> None:
    lines = markdown_table(("a", "b"), rows)
    assert len(lines) == 2 + len(rows)
    assert all(line.replace("\\|", "").count("|") == 3 for line in lines if "\\\\" not in line)
    assert markdown_table(("a",), [["x|y\nz"]])[-1] == "| x\\|y z |"


def test_a_csv_has_no_formulas_and_empty_cells_for_nothing() -> None:
    rows: list[list[Any]] = [["=1+1", None, True, -2], ["a\nb", '"', 0.5, "@x"]]
    found = list(csv.reader(io.StringIO(csv_table(("w", "x", "y", "z"), rows))))
    assert found == [["w", "x", "y", "z"], ["'=1+1", "", "true", "-2"], ["a\nb", '"', "0.5", "'@x"]]
