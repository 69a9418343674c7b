"""Pages: how many entries, and where to go on."""

from typing import Annotated

from litestar.params import QueryParameter

MOST_A_PAGE = 1000

Limit = Annotated[int, QueryParameter(ge=1, le=MOST_A_PAGE, description="The most entries on a page.")]
Cursor = Annotated[str | None, QueryParameter(description="`next_cursor` of the page before.")]
