"""The catalog is replaced as a whole, by one of two writers at a time; one of a newer version is refused."""

import asyncio

import msgspec
import pytest

from service.archive.catalog import (
    ARCHIVE_SCHEMA,
    ArchivedFile,
    Catalog,
    change_catalog,
    load_catalog,
    remove_old_catalogs,
)
from service.archive.errors import ArchiveError, UnreadableArchiveError
from service.archive.objects import Objects


def file(name: str) -> ArchivedFile:
    return ArchivedFile(table="judgments", path=f"judgments/{name}", day="2026-11-30", rows=1, size=9, tail=8)


async def test_of_writers_at_once_none_is_lost(objects: Objects) -> None:
    assert await load_catalog(objects) == Catalog()

    async def add(name: str) -> None:
        async def change(known: Catalog) -> Catalog:
            return known.changed(added=[file(name)])

        assert (await change_catalog(objects, change))[1]

    await asyncio.gather(*(add(f"{number}") for number in range(5)))
    catalog = await load_catalog(objects)
    assert (catalog.version, len(catalog.of("judgments"))) == (5, 5)


async def test_a_change_of_nothing_writes_nothing(objects: Objects) -> None:
    async def nothing(known: Catalog) -> None:
        return None

    assert await change_catalog(objects, nothing) == (Catalog(), False)
    assert await objects.listed("catalog") == []


async def test_files_are_added_replaced_and_removed() -> None:
    catalog = Catalog().changed(added=[file("b"), file("a")]).changed(added=[file("c")], removed=["judgments/b"])
    assert [each.path for each in catalog.files] == ["judgments/a", "judgments/c"]
    replaced = catalog.changed(added=[msgspec.structs.replace(file("a"), rows=2)])
    assert [each.rows for each in replaced.files] == [2, 1]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (msgspec.json.encode(Catalog(version=1, schema_version=ARCHIVE_SCHEMA + 1)), "reads up to 1: update it"),
        (b"{", "is damaged"),
    ],
)
async def test_a_catalog_that_can_t_be_read_is_refused(objects: Objects, content: bytes, error: str) -> None:
    await objects.put_new("catalog/000000000001.json", content)
    with pytest.raises(UnreadableArchiveError, match=error):
        await load_catalog(objects)


async def test_a_catalog_that_changes_all_the_time_is_an_error(objects: Objects) -> None:
    async def change(known: Catalog) -> Catalog:
        taken = known.changed()
        await objects.put_new(f"catalog/{taken.version:012}.json", msgspec.json.encode(taken))
        return taken

    with pytest.raises(ArchiveError, match="changes all the time"):
        await change_catalog(objects, change)


async def test_old_versions_go_after_an_hour(objects: Objects) -> None:
    for version in range(1, 14):
        await objects.put_new(f"catalog/{version:012}.json", msgspec.json.encode(Catalog(version=version)))
    newest = (await objects.listed("catalog"))[-1].changed_s
    await remove_old_catalogs(objects, newest)
    assert len(await objects.listed("catalog")) == 13
    await remove_old_catalogs(objects, newest + 4_000)
    assert [each.path[-7:-5] for each in await objects.listed("catalog")] == [f"{n:02}" for n in range(4, 14)]
