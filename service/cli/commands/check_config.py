"""`judged check-config`: the problems of the configuration, or the settings in force."""

import argparse
import os

from service.cli.arguments import add_config_option
from service.cli.command import SUCCEEDED, Command, CommandError


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_option(parser)
    parser.add_argument("--example", action="store_true", help="print a file with every setting and its default")


def _run(options: argparse.Namespace) -> int:
    from service.config.settings import SettingsError, file_read, load_settings
    from service.config.toml_text import example_file, settings_in_force

    if options.example:
        print(example_file(), end="")
        return SUCCEEDED
    file = file_read(options.config, os.environ)
    print(f"# from {file}" if file else "# no file: defaults and the environment")
    try:
        settings = load_settings(options.config, os.environ)
    except SettingsError as error:
        raise CommandError(error.problems) from error
    print("", *settings_in_force(settings), sep="\n")
    return SUCCEEDED


CHECK_CONFIG = Command(
    "check-config",
    "report the problems of the configuration, or print the settings in force",
    _add_arguments,
    _run,
    {SUCCEEDED: "the configuration is valid"},
)
