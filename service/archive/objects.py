"""The object store: whole objects and parts of them by their paths, each call within a time limit."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from service.archive.errors import ArchiveAwayError
from service.config.settings import ArchiveSettings

_RETRIES = 3  # of one call, within its time limit
_DETAILS = re.compile(r"\s*(?:Debug source:|<\?xml).*", re.DOTALL)  # of an answer: not for a log line
_MOST_WORDS = 300


class ListedObject(NamedTuple):
    """An object in a listing; `changed_s` is when it was written, in seconds since the epoch."""

    path: str
    size: int
    changed_s: float


class Objects:
    """The objects below one address: s3, gs, az, or a local folder. `calls` counts the calls made."""

    def __init__(self, settings: ArchiveSettings) -> None:
        assert settings.url, "the caller has checked it"
        self.url = settings.url.rstrip("/")
        self.calls = 0
        self._limit_s = settings.timeout_seconds
        self._settings = settings
        self._store: Any = None

    async def put_new(self, path: str, content: bytes) -> bool:
        """Writes an object. Returns False, and writes nothing, if there is one of this path."""
        import obstore
        from obstore.exceptions import AlreadyExistsError

        async with self._call(f"{path} can't be written") as store:
            try:
                await obstore.put_async(store, path, content, mode="create", use_multipart=False)
            except AlreadyExistsError:
                return False
        return True

    async def get(self, path: str) -> bytes:
        """Returns an object. Raises FileNotFoundError if there is none."""
        import obstore

        async with self._call(f"{path} can't be read", may_lack=True) as store:
            answer = await obstore.get_async(store, path)
            return bytes(await answer.bytes_async())

    async def get_part(self, path: str, start: int, length: int) -> bytes:
        """Returns some bytes of an object. Raises FileNotFoundError if there is none."""
        import obstore

        async with self._call(f"{path} can't be read", may_lack=True) as store:
            return bytes(await obstore.get_range_async(store, path, start=start, length=length))

    async def listed(self, prefix: str) -> list[ListedObject]:
        """Returns the objects below a folder, in the order of their paths."""
        import obstore

        found = []
        async with self._call(f"{prefix} can't be listed") as store:
            async for batch in obstore.list(store, prefix):
                found += [
                    ListedObject(str(each["path"]), int(each["size"]), each["last_modified"].timestamp())
                    for each in batch
                ]
        return sorted(found)

    async def delete(self, path: str) -> None:
        """Removes an object if it is there."""
        import obstore

        async with self._call(f"{path} can't be removed", may_lack=True) as store:
            try:
                await obstore.delete_async(store, path)
            except FileNotFoundError:
                return

    @asynccontextmanager
    async def _call(self, problem: str, *, may_lack: bool = False) -> AsyncIterator[Any]:
        """Limits the time of a call, and raises ArchiveAwayError for its errors, unless an object `may_lack`.

        An absent bucket is an error like that of an absent object.
        """
        from obstore.exceptions import BaseError

        self.calls += 1
        try:
            async with asyncio.timeout(self._limit_s):
                if self._store is None:
                    self._store = _opened(self._settings)
                yield self._store
        except TimeoutError as error:
            raise ArchiveAwayError(f"{problem}: no answer within {self._limit_s:g} s") from error
        except (BaseError, OSError) as error:
            if may_lack and isinstance(error, FileNotFoundError):
                raise
            raise ArchiveAwayError(f"{problem}: {_words_of(error)}") from error


def _words_of(error: Exception) -> str:
    """Returns the first line of an error, without the answer of the server: it may name keys."""
    return _DETAILS.sub("", str(error)).strip()[:_MOST_WORDS]


def _opened(settings: ArchiveSettings) -> Any:
    from obstore.store import LocalStore, from_url

    url = settings.url
    scheme, separator, rest = url.partition("://")
    if not separator or scheme == "file":
        folder = Path(rest if separator else url).expanduser().absolute()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # it has all texts, as the folder of the store has
        return LocalStore(folder)
    options: dict[str, Any] = {}
    if scheme == "s3":
        options = {"endpoint": settings.endpoint or None, "region": settings.region or None}
        options = {name: value for name, value in options.items() if value is not None}
    limit = f"{settings.timeout_seconds:g}s"
    return from_url(
        url,
        client_options={
            "timeout": limit,
            "connect_timeout": limit,
            "allow_http": settings.endpoint.startswith("http://"),
        },
        retry_config={"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=settings.timeout_seconds)},
        **options,
    )
