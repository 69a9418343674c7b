"""The rows of the archive: what they have of a job, and what they leave out."""

import msgspec

from service.archive.rows import job_fields, judgment_rows, label_rows, ms_of, time_of
from service.store.archiving import LabelledState, Part, StoredChunk
from tests.store.made import finished, items_of, record_of


def test_a_job_has_its_record_and_counts_and_nothing_of_the_queue() -> None:
    record = record_of(1)
    stored = {b"scored": b"1", b"record": msgspec.json.encode(record), b"tries:0": b"1", b"callback": b"\xff"}
    job = job_fields(stored, {b"leaderboard": b"{}", b"human:0": b"\xff"})
    assert job.record == record
    told = msgspec.json.decode(job.text)
    assert (told["fields"], told["benchmark"]) == ({"scored": "1"}, {"leaderboard": "{}"})
    assert job_fields(dict(reversed(stored.items())), {b"leaderboard": b"{}"}).text == job.text


def test_a_row_has_the_item_of_its_position() -> None:
    record = record_of(4)
    job = job_fields({b"record": msgspec.json.encode(record)}, {})
    results = {number: msgspec.json.encode(finished(record, number).judgment) for number in (2, 3)}
    chunk = StoredChunk(msgspec.msgpack.encode(items_of(record)[2:]), results)
    rows = list(judgment_rows(job, Part(record.id, 1, 2, True), [chunk]))
    assert [msgspec.json.decode(row["item"])["id"] for row in rows] == ["t-2", "t-3"]
    assert [msgspec.json.decode(row["json"])["item_id"] for row in rows] == ["t-2", "t-3"]
    assert "raw_text" not in rows[0]["votes"][0]
    [alone] = judgment_rows(job, Part(record.id, 1, 2, True), [StoredChunk(None, {2: results[2]})])
    assert alone["item"] is None


def test_an_item_without_labels_has_a_row_without_an_annotator() -> None:
    [row] = label_rows(7, [LabelledState("place", "i", "wit", "c", b"")])
    assert (row["reading"], row["item_id"], row["criterion"], row["annotator"]) == (7, "i", "wit", None)


def test_times_keep_their_milliseconds() -> None:
    assert ms_of(time_of(1_796_040_000_123)) == 1_796_040_000_123
    assert ms_of(time_of(None)) is None
