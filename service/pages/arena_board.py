"""`/arena/leaderboard`: the models rated by people's votes, as a plot and a table."""

from typing import Annotated, Any

import minijinja
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from redis.asyncio import Redis

from service.api.bodies import CSV
from service.arena import current_leaderboard, leaderboard_version, voted_criteria
from service.contracts.arena import ArenaLeaderboard
from service.pages.access import shown_to
from service.pages.documents import attachment, document
from service.rendering.arena_leaderboard import arena_csv, arena_notes
from service.rendering.drawing import IntervalRow, long_forest_plot
from service.rendering.plot_axes import nice_steps

_MEAN_RATING = 1000
_MOST_DRAWN = 40  # models
_LEAST_SPAN = 50  # points of the axis
_CRITERION = Annotated[str, QueryParameter(max_length=100)]


@get("/arena/leaderboard", opt=shown_to("read"))
async def show_arena_board(
    request: Request[Any, Any, Any], redis: NamedDependency[Redis], criterion: _CRITERION = ""
) -> Response[bytes]:
    """Shows the leaderboard of one criterion, or of all together."""
    wanted = criterion or None
    board = await current_leaderboard(redis, wanted, await leaderboard_version(redis, wanted))
    return await document(
        request,
        "arena_board.html",
        board=board,
        criterion=wanted,
        criteria=await voted_criteria(redis),
        notes=arena_notes(board),
        drawing=ratings_drawing(board),
        undrawn=max(len(board.leaderboard) - _MOST_DRAWN, 0),
        is_adjusted=any(isinstance(each.length_adjusted_rating, float) for each in board.leaderboard),
    )


@get("/arena/leaderboard/ratings", opt=shown_to("read"))
async def download_ratings(redis: NamedDependency[Redis], criterion: _CRITERION = "") -> Response[bytes]:
    """Sends the leaderboard as the API does, as CSV to be kept as a file."""
    wanted = criterion or None
    board = await current_leaderboard(redis, wanted, await leaderboard_version(redis, wanted))
    return Response(arena_csv(board).encode(), media_type=CSV, headers=attachment("arena.csv"))


def ratings_drawing(board: ArenaLeaderboard) -> str | None:
    """Returns the ratings with their intervals, None if there are no votes."""
    rows = board.leaderboard[:_MOST_DRAWN]
    if not rows:
        return None
    low, high = min(each.lower for each in rows), max(each.upper for each in rows)
    room = max(_LEAST_SPAN - (high - low), 0) / 2
    told = "; ".join(f"{each.model} {each.rating:.0f} ({each.lower:.0f} to {each.upper:.0f})" for each in rows)
    drawing = long_forest_plot(
        [IntervalRow(f"{each.rank}  {each.model}", each.rating, each.lower, each.upper, "accent") for each in rows],
        f"Ratings by people's votes, with 95% intervals: {told}",
        ticks=nice_steps(low - room, high + room),
        reference=_MEAN_RATING,
    )
    return minijinja.safe(drawing)
