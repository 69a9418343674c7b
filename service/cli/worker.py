"""`judged worker`: one worker alone."""

import argparse
import os

from service.cli import add_config_option
from service.launch.installed import python_environ, python_module

SUMMARY = "run one worker alone, with the store at JUDGED_REDIS_URL"


def configure(parser: argparse.ArgumentParser) -> None:
    add_config_option(parser)


def run(options: argparse.Namespace) -> int:
    """Becomes the worker, which is a package of its own that nothing here imports."""
    if options.config:
        os.environ["JUDGED_CONFIG"] = options.config
    argv = python_module("worker")
    os.execve(argv[0], argv, python_environ(os.environ))  # noqa: S606 - there is no shell in it
