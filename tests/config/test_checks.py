"""Checks of a configuration beyond types, each by itself. See `test_settings.py` for all of them together."""

from pathlib import Path

import pytest

from service.config.checks import file_problems, price_problems, provider_problems
from service.config.sections import PriceSettings, ProviderSection, SettingsFile


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
    assert problem.startswith('providers.a."env:not a name"')


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    there = tmp_path / "ca.pem"
    there.write_text("x")
    given = section(ca_file=str(there), client_cert_file="no.pem")
    assert list(file_problems("providers.a", given)) == ["providers.a.client_cert_file: there is no file no.pem"]


def test_a_price_is_of_a_model() -> None:
    price = PriceSettings(input=1, output=2)
    assert list(price_problems(SettingsFile(prices={"a/b": price}))) == []
    assert len(list(price_problems(SettingsFile(prices={"b": price})))) == 1
