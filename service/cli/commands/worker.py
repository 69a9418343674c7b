"""`judged worker`: one worker alone."""

import argparse
import os

from service.cli.arguments import add_config_option
from service.cli.command import Command
from service.launch.interpreter import python_environ, python_module


def _run(options: argparse.Namespace) -> int:
    """Replaces this process by `python -m worker`, a package that `service` never imports."""
    if options.config:
        os.environ["JUDGED_CONFIG"] = options.config
    argv = python_module("worker")
    os.execve(argv[0], argv, python_environ(os.environ))  # noqa: S606 - no shell is involved


WORKER = Command("worker", "run one worker alone, with the store at JUDGED_REDIS_URL", add_config_option, _run)
