"""If-None-Match is read as RFC 9110 says."""

import pytest
from litestar.testing import RequestFactory

from service.api.etags import etag_of, is_unchanged

ETAG = etag_of(b"content")


def test_equal_content_has_an_equal_tag() -> None:
    assert etag_of(b"content") == ETAG != etag_of(b"other content")
    assert ETAG.startswith('"')
    assert ETAG.endswith('"')


@pytest.mark.parametrize(
    ("header", "unchanged"),
    [
        (ETAG, True),
        (f"W/{ETAG}", True),
        (f'"other", {ETAG}', True),
        ("*", True),
        ('"other"', False),
        (ETAG.strip('"'), False),
        (f'"x{ETAG[1:]}', False),
        ("", False),
    ],
)
def test_a_tag_that_the_client_has_is_recognised(header: str, unchanged: bool) -> None:
    assert is_unchanged(RequestFactory().get("/", headers={"If-None-Match": header}), ETAG) is unchanged


def test_without_the_header_nothing_is_unchanged() -> None:
    assert not is_unchanged(RequestFactory().get("/"), ETAG)
