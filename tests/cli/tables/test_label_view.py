"""The label queue as a terminal shows it."""

from typing import Any

from service.cli.tables.label_view import progress_text, question
from service.contracts.judges import Choice, Scale
from service.rendering.label_keys import label_keys


def test_the_question_names_the_keys() -> None:
    assert question(label_keys(Scale(), []), "") == "1, 2, 3, 4, 5 (s skip, u undo, c comment, q quit): "
    words = label_keys(None, [Choice(label="fail"), Choice(label="pass")])
    assert question(words, "").startswith("1 fail, 2 pass (s skip")
    assert question([], "0 to 100 in steps of 1").startswith("0 to 100 in steps of 1 (")


def test_the_progress_is_a_sentence() -> None:
    known: dict[str, Any] = {"present": 0.31, "mean": {"value": 3.8}, "labelled": 40, "half_width": 0.2, "waiting": 9}
    assert progress_text({**known, "more": 84}, 2) == (
        "2 labelled in this sitting; mean 3.80 ± 0.31 by 40 items; about 84 more for ± 0.20; 9 without a label"
    )
    assert "as narrow as wished (± 0.20)" in progress_text({**known, "present": 0.2, "more": 0}, 2)
    assert "every item that the judge scored has a label (± 0.20 takes" in progress_text({**known, "more": 0}, 2)
    unknown = {**known, "present": None, "more": None}
    assert progress_text(unknown, 0) == "0 labelled in this sitting; 9 without a label"
