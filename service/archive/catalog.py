"""The catalog: the list of the files that belong to the archive, replaced as a whole by each change.

Each version is an object of its own, `catalog/000000000012.json`, which is never overwritten: of two writers one comes
first, and the other one looks again. A file that no catalog names is not part of the archive, whoever left it there.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Literal

import msgspec

from service.archive.errors import ArchiveError, UnreadableArchiveError
from service.archive.objects import Objects

ARCHIVE_SCHEMA = 1  # columns may be added under it; one that changes its meaning or type makes the next

_FOLDER = "catalog"
_DIGITS = 12
_KEPT = 10  # versions, for readers that began with an older one
_KEPT_S = 3600.0
_MOST_ATTEMPTS = 20

TableName = Literal["judgments", "labels", "counters", "state"]
TABLES: tuple[TableName, ...] = ("judgments", "labels", "counters", "state")


class ArchivedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the archive.

    `day` is the UTC day on which the jobs of its judgments ended, or on which labels or counters were read. `from_ms`
    and `to_ms` are the first and the last end of a judgment, `number` orders readings of labels. `tail` is the length
    of the Parquet footer with its last eight bytes. The first `forgotten` entries of the catalog's list are carried
    out.
    """

    table: TableName
    path: str
    day: str
    rows: int
    size: int
    tail: int
    schema_version: int = ARCHIVE_SCHEMA
    from_ms: int = 0
    to_ms: int = 0
    number: int = 0
    forgotten: int = 0


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """Judgments that are not shown any more: those of an item or a job that ended up to `until_ms`.

    `digest` is that of the item's or job's id: an id may name a person.
    """

    kind: Literal["item", "job"]
    digest: str
    until_ms: int


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    """The files of the archive. Unknown fields are those of a newer version of the service."""

    version: int = 0
    schema_version: int = ARCHIVE_SCHEMA
    files: list[ArchivedFile] = []
    forgotten: list[Forgotten] = []

    def of(self, table: TableName) -> list[ArchivedFile]:
        """Returns the files of a table."""
        return [each for each in self.files if each.table == table]

    def has(self, path: str) -> bool:
        """Returns whether a file belongs to the archive."""
        return any(each.path == path for each in self.files)

    def changed(
        self,
        *,
        added: Iterable[ArchivedFile] = (),
        removed: Iterable[str] = (),
        forgotten: Iterable[Forgotten] = (),
    ) -> "Catalog":
        """Returns the next version, with files added and removed."""
        new, gone = list(added), set(removed)
        kept = [each for each in self.files if each.path not in gone and each.path not in {one.path for one in new}]
        files = sorted([*kept, *new], key=lambda each: (each.table, each.day, each.path))
        return msgspec.structs.replace(
            self, version=self.version + 1, files=files, forgotten=[*self.forgotten, *forgotten]
        )


async def load_catalog(objects: Objects) -> Catalog:
    """Returns the newest catalog, an empty one if there is none yet."""
    for _ in range(_MOST_ATTEMPTS):
        paths = [each.path for each in await objects.listed(_FOLDER)]
        if not paths:
            return Catalog()
        try:
            return _decoded(paths[-1], await objects.get(paths[-1]))
        except FileNotFoundError:  # replaced since it was listed
            continue
    raise ArchiveError("the catalog of the archive changes all the time")


def _decoded(path: str, content: bytes) -> Catalog:
    try:
        catalog = msgspec.json.decode(content, type=Catalog)
    except msgspec.MsgspecError as error:
        raise UnreadableArchiveError(f"{path} is damaged, or of a newer version of judged: {error}") from error
    if catalog.schema_version > ARCHIVE_SCHEMA:
        raise UnreadableArchiveError(
            f"{path} has the schema version {catalog.schema_version}, and this version of judged reads up to"
            f" {ARCHIVE_SCHEMA}: update it"
        )
    return catalog


async def change_catalog(
    objects: Objects, change: Callable[[Catalog], Awaitable[Catalog | None]]
) -> tuple[Catalog, bool]:
    """Replaces the newest catalog by what `change` makes of it. Returns the newest one, and whether it was replaced.

    `change` is called again if another writer came first; if it returns None, nothing is written.
    """
    for _ in range(_MOST_ATTEMPTS):
        known = await load_catalog(objects)
        changed = await change(known)
        if changed is None:
            return known, False
        if await objects.put_new(_path(changed.version), msgspec.json.encode(changed)):
            return changed, True
    raise ArchiveError("the catalog of the archive changes all the time")


def _path(version: int) -> str:
    return f"{_FOLDER}/{version:0{_DIGITS}d}.json"


async def remove_old_catalogs(objects: Objects, now_s: float) -> None:
    """Removes versions that no reader needs any more."""
    for each in (await objects.listed(_FOLDER))[:-_KEPT]:
        if each.changed_s < now_s - _KEPT_S:
            await objects.delete(each.path)
