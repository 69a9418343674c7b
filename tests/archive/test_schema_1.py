"""An archive of schema version 1, as the first release wrote it, is read for good: never write these files anew."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis

from service.agreement.labelling import labels_of_item
from service.archive.catalog import load_catalog
from service.archive.objects import Objects
from service.archive.parquet_files import read_table
from service.archive.reading import ArchiveReader
from service.archive.restoring import restore_archive
from service.config.settings import ArchiveSettings
from service.contracts.judgments import Judgment
from service.contracts.outcomes import Outcome
from service.store import agreement_counters

FIRST = Path(__file__).parent / "schema_1"


@pytest.fixture
def first(tmp_path: Path) -> Objects:
    """A copy of that archive."""
    shutil.copytree(FIRST, tmp_path / "archive")
    return Objects(ArchiveSettings(url=str(tmp_path / "archive")))


async def test_its_judgments_are_found_by_item_and_by_time(first: Objects, redis: Redis) -> None:
    reader = ArchiveReader(first)
    found = await reader.judgments_of_item(redis, "t-1", None, with_texts=True)
    judgments = [msgspec.json.decode(each.json, type=Judgment) for each in found]
    assert sorted(each.criterion for each in judgments) == ["helpfulness", "relevance"]
    assert {each.outcome for each in judgments} == {Outcome.SCORED}
    assert [each.votes[0].model for each in judgments] == ["control/overlap"] * 2
    assert {(each.decoded_item().output, each.decoded_item().group) for each in found} == {("A test.", "g")}
    assert {each.record().judge_at(each.position).definition.criterion for each in found} == {
        "helpfulness",
        "relevance",
    }
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
    assert len([each async for each in reader.judgments_between(redis, start, end, None, None)]) == 4
    assert [each async for each in reader.judgments_between(redis, start, start, None, None)] == []
    assert len([each async for each in reader.judgments_between(redis, start, end, None, "judging")]) == 4
    assert [each async for each in reader.judgments_between(redis, start, end, None, "benchmark")] == []


async def test_it_is_restored(first: Objects, redis: Redis) -> None:
    done = await restore_archive(redis, first, keep_s=1_000, since=None, note_rows=lambda _: None)
    assert (done.judgments, done.jobs, done.labels) == (4, 1, 2)
    assert done.counters > 10
    [label] = await labels_of_item(redis, "t-1")
    assert (label.annotator, label.criterion, label.counted) == ("ann", "helpfulness", True)
    assert len(await agreement_counters.newest_series(redis)) > 1


async def test_its_columns_have_their_types(first: Objects) -> None:
    """Of each table; a later version reads the same, whatever it writes."""
    types = {}
    for file in (await load_catalog(first)).files:
        table = read_table(file.path, await first.get(file.path))
        assert table.schema.metadata[b"judged.schema_version"] == b"1"
        assert (table.num_rows, file.schema_version) == (file.rows, 1)
        types[file.table] = {field.name: str(field.type) for field in table.schema}
    assert types["judgments"]["finished_at"] == "timestamp[us, tz=UTC]"
    assert {types["judgments"][name] for name in ("id", "item_id", "job_id", "json", "owner")} == {"string"}
    assert types["labels"]["reading"] == types["counters"]["value"] == "int64"
    assert msgspec.json.decode(read_table("", await first.get(file_of("judgments"))).column("json")[0].as_py())["id"]


def file_of(table: str) -> str:
    [found] = FIRST.glob(f"{table}/*/*.parquet")
    return str(found.relative_to(FIRST))
