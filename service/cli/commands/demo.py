"""`judged demo`: everything on one machine, with answers of a support bot to judge."""

import argparse
import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from service.cli.arguments import port_number
from service.cli.command import SOME_FAILED, Command, CommandError
from service.cli.console import print_error

_MARK = "judged-demo"  # the file that tells the folder of a demo from others
_MARK_TEXT = "The data of `judged demo`: an invented support bot. It may be deleted.\n"
_KEPT = ("JUDGED_STORE_BINARY", "JUDGED_LOG_LEVEL", "JUDGED_LOG_FORMAT")
_OWN = "JUDGED_"
_OWN_SETTINGS = {
    "JUDGED_CONFIG": os.devnull,
    "JUDGED_LOG_LEVEL": "warning",  # else the log of the requests hides the findings
    "JUDGED_SERVER_SHUTDOWN_SECONDS": "1",  # nobody waits for answers of a demo
    "JUDGED_WORKER_SHUTDOWN_SECONDS": "1",
    "JUDGED_SERVER_IDEMPOTENCY_KEEP_HOURS": str(24 * 365),  # longer than any judgment: the answers are judged once
}


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", metavar="DIR", help="keep the data in this folder, for the next demo")
    parser.add_argument(
        "--port", type=port_number, help="the port to listen on (default: 8000, or the next one that is free)"
    )
    parser.add_argument(
        "--no-model", action="store_true", help="judge by the baselines alone, although a local model is installed"
    )


def _run(options: argparse.Namespace) -> int:
    with _data_folder(options.data) as data:
        return _demo(data, options)


def _demo(data: Path, options: argparse.Namespace) -> int:
    from service.launch import local_model
    from service.launch.preflight import StartError
    from service.launch.up import up

    model = None
    if not options.no_model:
        with contextlib.suppress(StartError):  # no local model is installed
            model = local_model.model_name(local_model.find_model())
    kept = "" if options.data else "; its data is removed at the end, unless --data DIR names a folder for it"
    return up(
        demo_environ(os.environ, data, options.port, has_model=model is not None),
        local=None if model is None else "",
        may_take_next_port=options.port is None,
        notes=[f"a demo with an invented support bot{kept}"],
        once_ready=partial(show_findings, model),
    )


def demo_environ(environ: Mapping[str, str], data: Path, port: int | None, *, has_model: bool) -> dict[str, str]:
    """Returns the environment of the demo: without the user's settings and without any provider's key."""
    from service.config.kinds import KINDS

    keys = {kind.key_variable for kind in KINDS.values()}
    kept = {
        name: value
        for name, value in environ.items()
        if name not in keys and (name in _KEPT or not name.startswith(_OWN))
    }
    return {
        **_OWN_SETTINGS,
        **kept,
        "JUDGED_DATA": str(data),
        **({} if port is None else {"JUDGED_PORT": str(port)}),
        **({} if has_model else {"JUDGED_MODELS": "control/overlap"}),
    }


def show_findings(model: str | None, address: str, is_stopping: Callable[[], bool]) -> None:
    """Has the answers judged and prints the findings, or the reason why that failed; the service keeps running."""
    from service.cli.client import Client
    from service.cli.demo.session import show_demo

    try:
        with Client(address, None, may_return=lambda: not is_stopping()) as client:
            show_demo(client, model, lambda line: print(line, flush=True))
    except CommandError as error:
        if not is_stopping():
            print_error([f"judged: {line}" for line in error.lines])
    except OSError:  # whoever read our output has gone
        return


@contextlib.contextmanager
def _data_folder(given: str | None) -> Iterator[Path]:
    """Yields the folder that was given, marked as a demo's, else a temporary one, which is removed at the end.

    Raises CommandError if the folder holds anything else.
    """
    if given is None:
        with tempfile.TemporaryDirectory(prefix="judged-demo-", ignore_cleanup_errors=True) as folder:
            yield Path(folder)
        return
    data = Path(given).expanduser().absolute()
    mark = data / _MARK
    if data.is_dir() and any(data.iterdir()) and not mark.exists():
        raise CommandError([f"--data {given}: holds something else than a demo; name a new folder"])
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    mark.write_text(_MARK_TEXT, encoding="utf-8")
    yield data


DEMO = Command(
    "demo",
    "try it out: everything on this machine, with answers of a support bot, people's labels on them, and judges",
    _add_arguments,
    _run,
    {SOME_FAILED: "a process did not stop in time and was killed"},
)
