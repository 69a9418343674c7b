"""The style sheet, the scripts and the icon of the pages, at addresses that change with their content."""

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from litestar import Response, get
from litestar.params import FromPath

from service.contracts.refusals import not_found

_FOLDER = Path(__file__).with_name("assets")
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_YEAR_S = 365 * 24 * 3600


class Asset(NamedTuple):
    """A file of the pages with its media type and the digest of its content."""

    content: bytes
    media_type: str
    digest: str


def address_of(name: str) -> str:
    """Returns the path of an asset. Raises KeyError if there is none of this name."""
    return f"/assets/{name}?{_assets()[name].digest}"


@get("/assets/{name:str}")
async def show_asset(name: FromPath[str]) -> Response[bytes]:
    """Returns an asset. Browsers keep it: another content has another address."""
    found = _assets().get(name)
    if found is None:
        raise not_found(f"file {name!r}")
    headers = {"Cache-Control": f"public, max-age={_YEAR_S}, immutable", "X-Content-Type-Options": "nosniff"}
    return Response(found.content, media_type=found.media_type, headers=headers)


@cache
def _assets() -> dict[str, Asset]:
    return {path.name: _read(path) for path in sorted(_FOLDER.iterdir()) if path.suffix in _TYPES}


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    return Asset(content, _TYPES[path.suffix], sha256(content).hexdigest()[:12])
