"""The arena's leaderboard as text."""

import msgspec

from service.contracts.arena import ArenaLeaderboard, LengthEffect, Standing
from service.rendering.amounts import counted
from service.rendering.text_tables import csv_table, markdown_table

STANDING_HEADINGS = ("rank", "model", "rating", "95% interval", "votes", "won", "lost", "tied", "elo")

_COLUMNS = ("rank", "model", "rating", "lower", "upper", "elo", "votes", "wins", "losses", "ties", "regularised")


def arena_csv(board: ArenaLeaderboard) -> str:
    """Returns the leaderboard as CSV, one row for each model."""
    rows = [msgspec.structs.asdict(standing) for standing in board.leaderboard]
    return csv_table(_COLUMNS, [[row[column] for column in _COLUMNS] for row in rows])


def arena_markdown(board: ArenaLeaderboard) -> str:
    """Returns the leaderboard as Markdown: a table, and notes on the ratings."""
    title = "all criteria" if board.criterion is None else board.criterion
    table = markdown_table(STANDING_HEADINGS, map(standing_cells, board.leaderboard))
    notes = [f"- {note}" for note in arena_notes(board)]
    return "\n".join([f"# Arena: {' '.join(title.split())}", "", *table, "", *notes, ""])


def standing_cells(standing: Standing) -> list[str]:
    """Returns the cells of a row under the `STANDING_HEADINGS`."""
    return [
        str(standing.rank),
        standing.model,
        f"{standing.rating:.0f}",
        f"{standing.lower:.0f} to {standing.upper:.0f}",
        str(standing.votes),
        str(standing.wins),
        str(standing.losses),
        str(standing.ties),
        f"{standing.elo:.0f}",
    ]


def arena_notes(board: ArenaLeaderboard) -> list[str]:
    """Returns sentences that a reader of the ratings should know."""
    notes = [
        f"{counted(board.votes, 'vote')}. Bradley-Terry ratings, 1000 on average; 400 points are odds of ten to one."
    ]
    if any(each.regularised for each in board.leaderboard):
        notes.append(
            "Some ratings are unbounded by the votes alone (for example, a model never lost): all are drawn to 1000."
        )
    if (left := board.left_win_rate) is not None:
        notes.append(
            f"Of {counted(left.votes, 'decided vote')}, {left.value:.0%} went to the left "
            f"({left.lower:.0%} to {left.upper:.0%})."
        )
    if (style := board.style) is not None:
        effects = {"longer": style.longer, "much longer": style.much_longer}
        worth = [f"a {name} explanation {_points(each)}" for name, each in effects.items() if each is not None]
        notes.append(f"By {style.votes} votes on explanations of different lengths, {' and '.join(worth)} points.")
    return notes


def _points(effect: LengthEffect) -> str:
    return f"is worth {effect.points:+.0f} (standard error {effect.standard_error:.0f})"
