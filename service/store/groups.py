"""The groups of items that were judged on a criterion, with their members: case, content and item."""

from typing import NamedTuple

from redis.asyncio import Redis

from service.contracts.names import quoted, unquoted
from service.store import clock, keys
from service.store.connection import reply

_AT_ONCE = 5000


class GroupMember(NamedTuple):
    """A judged item of a group; `content` is the digest of its texts."""

    case: str
    content: str
    item_id: str


class NewestOfGroup(NamedTuple):
    """A group, the number of its items, and the time of its newest judgment in milliseconds."""

    name: str
    items: int
    newest_ms: int


def member_of(member: GroupMember) -> str:
    """Returns the text that stands for a member in the zset of its group."""
    return f"{quoted(member.case)}\t{member.content}\t{member.item_id}"


async def newest_groups(redis: Redis, criterion: str, *, keep_s: int, limit: int) -> list[NewestOfGroup]:
    """Returns the groups of a criterion that were judged within the keep time, the newest first."""
    oldest = clock.now_ms() - keep_s * 1000
    found = await reply(
        redis.zrevrangebyscore(keys.groups(criterion), "+inf", oldest, start=0, num=limit, withscores=True)
    )
    return [
        NewestOfGroup(
            name=name.decode(),
            items=int(await reply(redis.zcount(keys.group(criterion, name.decode()), oldest, "+inf"))),
            newest_ms=int(newest_ms),
        )
        for name, newest_ms in found
    ]


async def members_of_group(redis: Redis, criterion: str, group: str, *, keep_s: int) -> list[GroupMember]:
    """Returns the items of a group that were judged within the keep time, each case's together."""
    oldest, key = clock.now_ms() - keep_s * 1000, keys.group(criterion, group)
    found: set[GroupMember] = set()
    start = 0
    while page := await reply(redis.zrangebyscore(key, oldest, "+inf", start=start, num=_AT_ONCE)):
        found.update(_member(each.decode()) for each in page)
        start += len(page)
    return sorted(found)


def _member(text: str) -> GroupMember:
    case, content, item_id = text.split("\t", 2)
    return GroupMember(unquoted(case), content, item_id)
