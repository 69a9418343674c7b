"""Texts are cut with an ellipsis, and lose what steers a terminal."""

from service.rendering.cut_texts import in_one_line, printable, shortened


def test_a_text_that_fits_stays_whole() -> None:
    assert [shortened("abcd", most) for most in (5, 4, 3)] == ["abcd", "abcd", "ab…"]
    assert in_one_line(" a\n\nb  c ", 5) == "a b c"
    assert in_one_line("a\nb c", 4) == "a b…"


def test_control_characters_are_replaced() -> None:
    assert printable("a\x1b[2Jb\tc\nd") == "a\N{REPLACEMENT CHARACTER}[2Jb\tc\nd"
