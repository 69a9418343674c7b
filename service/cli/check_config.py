"""`judged check-config`: what is wrong with the configuration, or what it amounts to."""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from service.cli import REFUSED, add_config_option

if TYPE_CHECKING:
    from service.config.settings import ProviderSettings, Settings

SUMMARY = "say what is wrong with the configuration, or show what it amounts to"


def configure(parser: argparse.ArgumentParser) -> None:
    add_config_option(parser)


def run(options: argparse.Namespace) -> int:
    from service.config.settings import SettingsError, load_settings

    try:
        settings = load_settings(options.config, os.environ)
    except SettingsError as error:
        print(*error.problems, sep="\n", file=sys.stderr)
        return REFUSED
    print(*_as_toml(settings), sep="\n")
    return 0


def _as_toml(settings: "Settings") -> Iterator[str]:
    """The configuration as it is in effect, written as the file would be, with no secret in it."""
    import msgspec

    from service.config.settings import without_password

    for name, provider in settings.providers.items():
        yield from _section(f"[providers.{name}]", _public(provider))
    if not settings.providers:
        yield "# no provider: `judged up` looks for one\n"
    for section in ("defaults", "server", "store", "worker", "log"):
        values = msgspec.structs.asdict(getattr(settings, section))
        if url := values.get("redis_url"):
            values["redis_url"] = without_password(url)
        yield from _section(f"[{section}]", values)
    for key in settings.keys:
        yield from _section("[[keys]]", msgspec.structs.asdict(key))
    if not settings.keys:
        yield "# no keys: open, on this machine alone"


def _public(provider: "ProviderSettings") -> dict[str, Any]:
    import msgspec

    return {name: value for name, value in msgspec.structs.asdict(provider).items() if name != "api_key"}


def _section(title: str, values: dict[str, Any]) -> Iterator[str]:
    yield title
    for name, value in values.items():
        yield f"# {name}: not set" if value in (None, "") else f"{name} = {json.dumps(value)}"
    yield ""
