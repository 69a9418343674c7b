"""`judged openapi`: the API's OpenAPI 3.1 document, as `/schema` serves it."""

import argparse
import sys

from service.cli.command import SUCCEEDED, Command


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds nothing: the document does not depend on the configuration."""


def _run(options: argparse.Namespace) -> int:
    import msgspec

    from service.app import openapi_document

    document = msgspec.json.format(msgspec.json.encode(openapi_document()), indent=2)
    sys.stdout.write(document.decode() + "\n")
    return SUCCEEDED


OPENAPI = Command("openapi", "print the OpenAPI document of the API", _add_arguments, _run)
