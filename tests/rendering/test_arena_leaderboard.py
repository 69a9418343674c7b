"""The arena's leaderboard as text."""

from service.contracts.arena import ArenaLeaderboard, LeftWinRate, LengthEffect, Standing, StyleEffects
from service.rendering.arena_leaderboard import arena_csv, arena_markdown, arena_notes, standing_cells

ROW = Standing(
    model="x|y/m", rating=1100.4, lower=1050.2, upper=1150.6, rank=1, elo=1216.0, votes=3, wins=2, losses=0, ties=1,
    regularised=True,
)  # fmt: skip
BOARD = ArenaLeaderboard(
    criterion="wit\n# x",
    votes=1,
    left_win_rate=LeftWinRate(value=0.75, lower=0.4, upper=0.93, votes=8),
    style=StyleEffects(longer=None, much_longer=LengthEffect(points=12.3, standard_error=4.5), votes=200),
    leaderboard=[ROW],
)


def test_a_row_is_a_line_in_both_forms() -> None:
    assert standing_cells(ROW) == ["1", "x|y/m", "1100", "1050 to 1151", "3", "2", "0", "1", "1216"]
    assert "| 1 | x\\|y/m | 1100 | 1050 to 1151 | 3 | 2 | 0 | 1 | 1216 |" in arena_markdown(BOARD).splitlines()
    assert arena_markdown(BOARD).startswith("# Arena: wit # x\n")
    assert arena_csv(BOARD).splitlines()[1] == "1,x|y/m,1100.4,1050.2,1150.6,1216.0,3,2,0,1,true"


def test_notes_tell_what_the_figures_rest_on() -> None:
    assert arena_notes(BOARD) == [
        "1 vote. Bradley-Terry ratings, 1000 on average; 400 points are odds of ten to one.",
        "Some ratings are unbounded by the votes alone (for example, a model never lost): all are drawn to 1000.",
        "Of 8 decided votes, 75% went to the left (40% to 93%).",
        "By 200 votes on explanations of different lengths, a much longer explanation is worth +12 (standard error 4)"
        " points.",
    ]
