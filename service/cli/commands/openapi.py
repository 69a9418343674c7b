"""`judged openapi`: the API's OpenAPI 3.1 document, as `/schema` serves it."""

import argparse
import sys

from service.cli.command import SUCCEEDED, Command


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds nothing: the document does not depend on the configuration."""


def _run(options: argparse.Namespace) -> int:
    import msgspec

    from service.api.openapi import description_of
    from service.app import create_app
    from service.config.settings import load_settings

    app = create_app(load_settings(None, {"JUDGED_REDIS_URL": "redis://127.0.0.1"}))
    document = msgspec.json.format(msgspec.json.encode(description_of(app)), indent=2)
    sys.stdout.write(document.decode() + "\n")
    return SUCCEEDED


OPENAPI = Command("openapi", "print the OpenAPI document of the API", _add_arguments, _run)
