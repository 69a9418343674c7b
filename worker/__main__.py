"""The worker's command: `python -m worker`, which `judged worker` and `judged up` run."""

import asyncio
import gc
import logging
import os
import signal
import sys

import uvloop

from service.config.settings import Settings, SettingsError, load_settings
from worker.process import run_worker


def _main() -> int:
    """Runs a worker until SIGTERM or SIGINT. Returns the exit code, 2 if the settings are wrong."""
    try:
        settings = load_settings(None, os.environ)
    except SettingsError as error:
        return _refuse(error.problems)
    if settings.store.redis_url is None:
        return _refuse(["set JUDGED_REDIS_URL, or run `judged up`"])
    logging.basicConfig(level=settings.log.level.upper(), format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("arq").setLevel(logging.WARNING)  # it logs a job's arguments at each start
    _collect_less()
    uvloop.run(_until_signalled(settings))
    return 0


def _refuse(problems: list[str]) -> int:
    for problem in problems:
        print(f"judged worker: {problem}", file=sys.stderr)
    return 2


def _collect_less() -> None:
    """Makes the garbage collector run less often: judging makes thousands of short-lived objects, and few cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


async def _until_signalled(settings: Settings) -> None:
    stopping = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stopping.set)
    await run_worker(settings, stopping)


if __name__ == "__main__":
    sys.exit(_main())
