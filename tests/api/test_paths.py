"""Names in a path may contain any character."""

from typing import Any

import pytest

from service.api.paths import decoded_name, keep_names_whole


@pytest.mark.parametrize(
    ("raw", "names"),
    [
        (b"/v1/items/a%2Fb", ["", "v1", "items", "a/b"]),
        (b"/v1/items/100%25?x=%2F", ["", "v1", "items", "100%"]),
        (b"/v1/items/%252F", ["", "v1", "items", "%2F"]),
        ("/v1/labels/ü/wit/ann".encode(), ["", "v1", "labels", "ü", "wit", "ann"]),
        (b"/v1/labels/%C3%BC/w%20t/a%2Fb", ["", "v1", "labels", "ü", "w t", "a/b"]),
    ],
)
def test_names_come_out_as_they_went_in(raw: bytes, names: list[str]) -> None:
    scope: dict[str, Any] = {"raw_path": raw, "path": raw.decode()}
    keep_names_whole(scope)
    assert [decoded_name(part) for part in scope["path"].split("/")] == names


def test_a_path_without_encoded_characters_is_left_alone() -> None:
    scope: dict[str, Any] = {"raw_path": b"/v1/jobs", "path": "/v1/jobs"}
    keep_names_whole(scope)
    assert scope["path"] == "/v1/jobs"
    keep_names_whole(without_raw := {"path": "/a b"})
    assert without_raw == {"path": "/a b"}
