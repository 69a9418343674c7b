"""The arena's leaderboard as it is asked for: computed once for each vote, and told to be the same while it is."""

import asyncio
from hashlib import sha256
from typing import Any

import msgspec
from litestar import Request, Response
from redis.asyncio import Redis

from service.api.bodies import CSV, MARKDOWN, form_wanted
from service.api.etags import is_unchanged
from service.arena.counters import read
from service.arena.leaderboard import ArenaLeaderboard, board
from service.rendering.arena_text import as_csv, as_markdown
from service.store import arena

_MOST_KEPT = 100  # criteria

_kept: dict[str | None, tuple[str, ArenaLeaderboard]] = {}  # by criterion: the newest vote, and the board up to it


async def in_form(redis: Redis, criterion: str | None, request: Request[Any, Any, Any]) -> Response[Any]:
    """The leaderboard in the form that is asked for; 304 where the client has it."""
    form = form_wanted(request)
    newest = await arena.newest_vote(redis, criterion)
    etag = f'"{sha256(f"{criterion is None} {criterion} {newest} {form}".encode()).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Vary": "Accept", "Cache-Control": "no-cache"}
    if is_unchanged(request, etag):
        return Response(b"", status_code=304, media_type=form, headers=headers)
    found = await _computed(redis, criterion, newest)
    render = {CSV: as_csv, MARKDOWN: as_markdown}.get(form)
    content = msgspec.json.encode(found) if render is None else render(found).encode()
    return Response(content, media_type=form, headers=headers)


async def _computed(redis: Redis, criterion: str | None, newest: str) -> ArenaLeaderboard:
    """The board with all votes up to `newest`; it may have some that came meanwhile."""
    known = _kept.get(criterion)
    if known is not None and known[0] == newest:
        return known[1]
    counted = await arena.arena_counts(redis, criterion)
    found = await asyncio.to_thread(lambda: board(read(counted), criterion))
    if len(_kept) >= _MOST_KEPT:
        _kept.clear()
    _kept[criterion] = counted.get("version", ""), found
    return found
