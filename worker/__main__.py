"""The worker's command: `python -m worker`, which `judged worker` and `judged up` run."""

import asyncio
import os
import signal
import sys
import time
from functools import partial

import uvloop

from service.config.logs import set_up_logs
from service.config.settings import Settings, SettingsError, load_settings
from service.garbage import collect_less
from service.telemetry import exporting
from worker.process import run_worker

_LOOK_S = 3.0


def _main() -> int:
    """Runs a worker until SIGTERM or SIGINT. Returns the exit code, 2 if the settings are wrong."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the worker reads its budgets again on it
    try:
        settings = _settings_with_secrets()
    except SettingsError as error:
        return _refuse(error.problems)
    if settings.store.redis_url is None:
        return _refuse(["set JUDGED_REDIS_URL, or run `judged up`"])
    set_up_logs(settings.log)
    collect_less()
    with exporting(settings.telemetry, os.environ, "worker"):
        uvloop.run(_until_signalled(settings))
    return 0


def _settings_with_secrets() -> Settings:
    """Returns the settings, once the secrets that they name are there. Raises SettingsError if something else is wrong.

    A worker that ended for want of a secret would only be started again by its supervisor, again and again.
    """
    has_told = False
    while True:
        try:
            return load_settings(None, os.environ)
        except SettingsError as error:
            if not error.lacks_secrets_only:
                raise
            if not has_told:
                has_told = True
                for each in (signal.SIGTERM, signal.SIGINT):  # the first process of a container ignores them otherwise
                    signal.signal(each, lambda *_: sys.exit(0))
                _refuse([*error.problems, "waiting for it: a file may still come, a variable needs a restart"])
        time.sleep(_LOOK_S)


def _refuse(problems: list[str]) -> int:
    for problem in problems:
        print(f"judged worker: {problem}", file=sys.stderr)
    return 2


async def _until_signalled(settings: Settings) -> None:
    stopping = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stopping.set)
    await run_worker(settings, stopping, read_again=partial(load_settings, None, os.environ))


if __name__ == "__main__":
    sys.exit(_main())
