"""`judged check-config`: the problems of the configuration, or the settings in force."""

import argparse
import os
import sys

from service.cli import REFUSED, add_config_option

SUMMARY = "report the problems of the configuration, or print the settings in force"


def configure(parser: argparse.ArgumentParser) -> None:
    add_config_option(parser)
    parser.add_argument("--example", action="store_true", help="print a file with every setting and its default")


def run(options: argparse.Namespace) -> int:
    from service.config.settings import SettingsError, file_read, load_settings
    from service.config.toml_text import example_file, settings_in_force

    if options.example:
        print(example_file(), end="")
        return 0
    try:
        settings = load_settings(options.config, os.environ)
    except SettingsError as error:
        print(*error.problems, sep="\n", file=sys.stderr)
        return REFUSED
    file = file_read(options.config, os.environ)
    print(f"# from {file}\n" if file else "# no file: defaults and the environment\n")
    print(*settings_in_force(settings), sep="\n")
    return 0
