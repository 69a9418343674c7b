"""`judged openapi`: the API's OpenAPI 3.1 document, as `/schema` serves it."""

import argparse
import sys

SUMMARY = "print the OpenAPI document of the API"


def configure(parser: argparse.ArgumentParser) -> None:
    """It has no options: the document is the same whatever is configured."""


def run(options: argparse.Namespace) -> int:
    import msgspec

    from service.api.describing import description_of
    from service.app import create_app
    from service.config.settings import load_settings

    app = create_app(load_settings(None, {"JUDGED_REDIS_URL": "redis://127.0.0.1"}))
    document = msgspec.json.format(msgspec.json.encode(description_of(app)), indent=2)
    sys.stdout.write(document.decode() + "\n")
    return 0
