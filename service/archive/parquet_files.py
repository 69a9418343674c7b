"""Parquet files in memory: rows to bytes, and the rows of single row groups back from their bytes. Calls nothing."""

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from service.archive.catalog import ARCHIVE_SCHEMA, TableName
from service.archive.columns import COLUMNS, SORTED_BY
from service.archive.errors import UnreadableArchiveError
from service.files.export_files import arrow_schema

_GROUP_ROWS = 1_000  # judgments may be long; a look-up of an item reads one group
_SMALL_GROUP_ROWS = 50_000  # of the other tables
_FOOTER_GUESS = 64 << 10  # bytes at the end that pyarrow reads before it knows the length of the footer
_END_BYTES = 8  # the length of the footer, and a mark
_DICTIONARY_BYTES = 32 << 20  # the records of the jobs of a group, one time each
_BLOOM_COLUMNS = ("item_id", "id")
_ONE_IN = 0.01


class EncodedFile(NamedTuple):
    """A Parquet file; `tail` is the length of its footer with the last eight bytes."""

    content: bytes
    rows: int
    tail: int


class ByteRange(NamedTuple):
    """Some bytes of a file."""

    start: int
    length: int


def encoded_rows(table: TableName, rows: Sequence[Mapping[str, Any]]) -> EncodedFile:
    """Returns rows, whose values are as Parquet takes them, as a file. The same rows make the same bytes."""
    import pyarrow

    schema = arrow_schema(COLUMNS[table], ARCHIVE_SCHEMA)
    order = SORTED_BY[table]
    ordered = sorted(rows, key=lambda row: tuple((row[name] is not None, row[name]) for name in order))
    return encoded_table(table, pyarrow.Table.from_pylist(ordered, schema=schema))


def encoded_table(table: TableName, content: Any) -> EncodedFile:
    """Returns a sorted pyarrow table as a file."""
    import pyarrow.parquet

    buffer = io.BytesIO()
    group_rows = _GROUP_ROWS if table == "judgments" else _SMALL_GROUP_ROWS
    blooms = {
        name: {"ndv": min(group_rows, content.num_rows) or 1, "fpp": _ONE_IN}
        for name in _BLOOM_COLUMNS
        if table == "judgments"
    }
    pyarrow.parquet.write_table(
        content,
        buffer,
        row_group_size=group_rows,
        compression="zstd",
        dictionary_pagesize_limit=_DICTIONARY_BYTES,
        sorting_columns=pyarrow.parquet.SortingColumn.from_ordering(
            content.schema, [(name, "ascending") for name in SORTED_BY[table]]
        ),
        bloom_filter_options=blooms or None,
    )
    encoded = buffer.getvalue()
    return EncodedFile(encoded, content.num_rows, measured(encoded)[1])


def measured(content: bytes) -> tuple[int, int]:
    """Returns the size of a file, and the length of its footer with the last eight bytes."""
    return len(content), int.from_bytes(content[-_END_BYTES:-4], "little") + _END_BYTES


def read_table(path: str, content: bytes, columns: Sequence[str] | None = None) -> Any:
    """Returns a file as a pyarrow table. Raises UnreadableArchiveError."""
    import pyarrow
    import pyarrow.parquet

    try:
        return pyarrow.parquet.read_table(io.BytesIO(content), columns=columns)
    except (pyarrow.ArrowException, OSError) as error:
        raise UnreadableArchiveError(f"{path} is damaged: {error}") from error


def read_footer(path: str, size: int, tail: bytes) -> Any:
    """Returns the metadata of a file of `size` bytes from its footer. Raises UnreadableArchiveError."""
    import pyarrow
    import pyarrow.parquet

    try:
        start = max(size - max(len(tail), _FOOTER_GUESS), 0)
        return pyarrow.parquet.read_metadata(_Known(size, {start: tail.rjust(size - start, b"\0")}))
    except (pyarrow.ArrowException, OSError) as error:
        raise UnreadableArchiveError(f"{path} is damaged: {error}") from error


def group_ranges(metadata: Any) -> list[ByteRange]:
    """Returns the bytes of each row group."""
    found = []
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        chunks = [group.column(each) for each in range(group.num_columns)]
        starts = [min(each.data_page_offset, each.dictionary_page_offset or each.data_page_offset) for each in chunks]
        end = max(start + each.total_compressed_size for start, each in zip(starts, chunks, strict=True))
        found.append(ByteRange(min(starts), end - min(starts)))
    return found


def read_group(
    path: str, metadata: Any, number: int, size: int, at: ByteRange, content: bytes, columns: Sequence[str]
) -> Any:
    """Returns columns of one row group from its bytes, those that the file has. Raises UnreadableArchiveError."""
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(_Known(size, {at.start: content}), metadata=metadata, pre_buffer=False)
        known = set(file.schema_arrow.names)
        return file.read_row_group(number, columns=[name for name in columns if name in known], use_threads=False)
    except (pyarrow.ArrowException, OSError) as error:
        raise UnreadableArchiveError(f"{path} is damaged: {error}") from error


def item_ids_of_groups(content: Any) -> Iterator[tuple[str, str]]:
    """Yields the least and the greatest item id of each row group that `encoded_table` makes of a table."""
    ids = content.column("item_id")
    for start in range(0, len(ids), _GROUP_ROWS):
        yield ids[start].as_py(), ids[min(start + _GROUP_ROWS, len(ids)) - 1].as_py()


class _Known(io.RawIOBase):
    """A file of which some parts are at hand."""

    def __init__(self, size: int, parts: Mapping[int, bytes]) -> None:
        self._size = size
        self._parts = parts
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def size(self) -> int:
        """Returns the length of the file, for pyarrow."""
        return self._size

    def read(self, size: int = -1) -> bytes:
        wanted = self._size - self._at if size < 0 else min(size, self._size - self._at)
        for start, content in self._parts.items():
            if start <= self._at and self._at + wanted <= start + len(content):
                found = content[self._at - start : self._at - start + wanted]
                self._at += wanted
                return found
        raise OSError(f"bytes {self._at} to {self._at + wanted} are not at hand")
