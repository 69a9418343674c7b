"""Checks of a configuration beyond types, each by itself. See `test_settings.py` for all of them together."""

import sys
from pathlib import Path

import pytest

from service.config.checks import archive_problems, file_problems, price_problems, provider_problems
from service.config.sections import ArchiveSettings, PriceSettings, ProviderSection, SettingsFile


def section(**fields: object) -> ProviderSection:
    return ProviderSection(kind="openai", base_url="http://a/v1", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["mine", "my-own.server_2"])
def test_a_plain_provider_has_no_problem(name: str) -> None:
    full = section(
        proxy="env:PROXY", headers={"x-a": "b", "api-key": "env:K"}, query={"v": "1"}, client_cert_file="a", ca_file="b"
    )
    assert list(provider_problems({name: full})) == []


def test_a_variable_needs_a_name() -> None:
    [problem] = provider_problems({"a": section(headers={"x": "env:not a name"})})
    assert problem.startswith('providers.a.headers.x: after "env:": expected the name of a variable')


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    there = tmp_path / "ca.pem"
    there.write_text("x")
    given = section(ca_file=str(there), client_cert_file="no.pem")
    assert list(file_problems("providers.a", given)) == ["providers.a.client_cert_file: there is no file no.pem"]


def test_a_price_is_of_a_model() -> None:
    price = PriceSettings(input=1, output=2)
    assert list(price_problems(SettingsFile(prices={"a/b": price}))) == []
    assert len(list(price_problems(SettingsFile(prices={"b": price})))) == 1


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"url": ""}, ""),
        ({"url": "s3://bucket/folder", "endpoint": "https://s3.lan"}, ""),
        ({"url": "./folder"}, ""),
        ({"url": "ftp://a/b"}, "archive.url: expected a folder, or an address that starts with s3://, gs://"),
        ({"url": "s3:/a/b"}, "archive.url: expected a folder, or an address that starts with s3://, gs://"),
        ({"url": "gs:///b"}, "archive.url: expected the name of a bucket after gs://"),
        ({"url": "az://a/b?sig=secret"}, "archive.url: a password is not written here"),
        ({"url": "s3://key:secret@bucket"}, "archive.url: a password is not written here"),
        ({"url": "s3://a", "endpoint": "s3.lan"}, "archive.endpoint: expected an address that starts with http"),
    ],
)
def test_an_archive_has_a_place_that_is_known(fields: dict[str, str], problem: str) -> None:
    found = list(archive_problems(SettingsFile(archive=ArchiveSettings(**fields))))  # type: ignore[arg-type]
    assert len(found) == bool(problem)
    assert "".join(found).startswith(problem)
    assert "secret@" not in "".join(found)


def test_an_archive_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    [problem] = archive_problems(SettingsFile(archive=ArchiveSettings(url="s3://a")))
    assert problem == "archive.url: obstore can't be imported: pip install 'judged[archive]'"
    assert list(archive_problems(SettingsFile())) == []
