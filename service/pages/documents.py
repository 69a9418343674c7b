"""Makes HTML documents from templates. The engine escapes every value but the drawings and guides made by ourselves."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import minijinja
from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.enums import MediaType
from litestar.response import Redirect

from service.api.access import view_of
from service.config.version import version
from service.pages import assets, words
from service.threads import aside

TEMPLATES = Path(__file__).with_name("templates")

_FUEL = 20_000_000  # instructions: a bound on the work of one page
# Names stand in <bdi>. A character in one may still end the isolation and turn around what follows, or hide.
_NAME = re.compile("<bdi[^>]*>[^<]*")
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200b\u202a-\u202e\u2060-\u2069\ufeff]")
PAGE_HEADERS = {
    "Referrer-Policy": "same-origin",  # without a referrer, browsers send the Origin `null` with a form
    "Cache-Control": "no-store",
}


async def document(
    request: Request[Any, Any, Any],
    template: str,
    *,
    status_code: int = 200,
    headers: dict[str, str] | None = None,
    **values: Any,
) -> Response[bytes]:
    """Returns a page. `values` are the template's; it also has those that every page shows."""
    content = await aside(rendered, request, template, **values)
    return page(content, status_code, headers)


def page(content: bytes, status_code: int, headers: dict[str, str] | None = None) -> Response[bytes]:
    """Returns the answer that has a rendered page."""
    return Response(
        content, status_code=status_code, media_type=MediaType.HTML, headers={**PAGE_HEADERS, **(headers or {})}
    )


def redirect(path: str, *cookies: Cookie) -> Redirect:
    """Returns the answer to a form that leads the browser on to a page, and gives it these cookies."""
    return Redirect(path, status_code=303, cookies=cookies, headers=PAGE_HEADERS)


def attachment(name: str) -> dict[str, str]:
    """Returns the headers of a file that the browser keeps under this name, of letters, digits and `._-`."""
    return {**PAGE_HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}


def rendered(request: Request[Any, Any, Any], template: str, **values: Any) -> bytes:
    """Returns the content of a page. A large one takes a tenth of a second."""
    content = _engine().render_template(template, **_shared(request), **values)
    content = _NAME.sub(lambda found: _UNSEEN.sub("\ufffd", found[0]), content)
    return content.replace("\0", "\ufffd").encode()  # HTML has no NUL: browsers would drop it without a sign


def _shared(request: Request[Any, Any, Any]) -> dict[str, Any]:
    key = getattr(request.state, "key", None)
    return {
        "signed_in_as": None if key is None else key.name,
        "sees_own": key is not None and view_of(request).owner is not None,
        "path": request.url.path,
        "version": version(),
        "grafana": request.app.state.settings.server.grafana_url.rstrip("/"),
        "asset": assets.address_of,
    }


@cache
def _engine() -> minijinja.Environment:
    return minijinja.Environment(
        loader=_source,
        filters=words.FILTERS,
        undefined_behavior="strict",
        fuel=_FUEL,
        trim_blocks=True,
        lstrip_blocks=True,
        pycompat=False,
        auto_escape_callback=lambda name: "html",
    )


def _source(name: str) -> str | None:
    found = TEMPLATES / name
    return found.read_text(encoding="utf-8") if found.parent == TEMPLATES and found.is_file() else None
