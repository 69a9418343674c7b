"""The arena's leaderboard as text: Markdown for people, CSV for spreadsheets."""

import csv
import io

import msgspec

from service.arena.leaderboard import ArenaLeaderboard, LengthEffect
from service.arena.standings import Standing

COLUMNS = ("rank", "model", "rating", "lower", "upper", "elo", "votes", "wins", "losses", "ties", "regularised")
HEADINGS = ("rank", "model", "rating", "95% interval", "votes", "won", "lost", "tied", "elo")


def as_csv(board: ArenaLeaderboard) -> str:
    """A line for each model."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for standing in board.leaderboard:
        row = msgspec.structs.asdict(standing) | {"regularised": str(standing.regularised).lower()}
        writer.writerow([row[column] for column in COLUMNS])
    return text.getvalue()


def as_markdown(board: ArenaLeaderboard) -> str:
    """The table, and what there is to know about it."""
    title = "all criteria" if board.criterion is None else board.criterion
    rows = [HEADINGS, ["---"] * len(HEADINGS), *(cells(each) for each in board.leaderboard)]
    table = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    notes = [f"- {note}" for note in notes_on(board)]
    return "\n".join([f"# Arena: {' '.join(title.split())}", "", *table, "", *notes, ""])


def cells(standing: Standing) -> list[str]:
    """A row under the `HEADINGS`."""
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


def notes_on(board: ArenaLeaderboard) -> list[str]:
    """What a reader of the ratings should know, a sentence each."""
    notes = [
        f"{_many(board.votes, 'vote')}. Bradley-Terry ratings, 1000 on average; 400 points are odds of ten to one."
    ]
    if any(each.regularised for each in board.leaderboard):
        notes.append(
            "Some ratings have no bound by the votes alone, as of a model that never lost: all are drawn to 1000."
        )
    if (left := board.left_win_rate) is not None:
        notes.append(
            f"Of {_many(left.votes, 'decided vote')}, {left.value:.0%} went to the left "
            f"({left.lower:.0%} to {left.upper:.0%})."
        )
    if (style := board.style) is not None:
        effects = {"longer": style.longer, "much longer": style.much_longer}
        told = [f"a {name} critique {_points(each)}" for name, each in effects.items() if each is not None]
        notes.append(f"By {style.votes} votes on critiques of unlike lengths, {' and '.join(told)} points.")
    return notes


def _points(effect: LengthEffect) -> str:
    return f"is worth {effect.points:+.0f} (standard error {effect.standard_error:.0f})"


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
