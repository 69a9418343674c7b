"""`judged up`: decides which processes to run, starts the supervisor, and prints where the service answers."""

import asyncio
import contextlib
import json
import logging
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from service.config.environment import PROVIDERS
from service.config.kinds import KINDS, LOCAL
from service.config.logs import LINE_BEGIN, JsonLines
from service.config.settings import Settings, SettingsError, load_settings, without_password
from service.launch import embedded_store, local_model
from service.launch.children import Child
from service.launch.discovery import FoundModels, discover, keyed_providers
from service.launch.interpreter import python_environ, python_module
from service.launch.preflight import StartError, claimed, free_port, listen, listen_nearby
from service.launch.supervisor import Outputs, Team, supervise

_HTTP_LIMIT_S = 5.0
_GRACE_S = 5.0  # beyond what a process allows itself
_CONTROL_NOTE = "control/* are baselines that count words or characters; they are not LLMs"
_LOCAL_NOTE = "local/* is a small, weak model on this machine; do not trust its scores"
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read, not bound


class Plan(NamedTuple):
    """The processes to run, the address to call, the store's log file, the lines to print first, and what prints the
    processes' output.
    """

    team: Team
    address: str
    store_log: Path | None
    banner: list[str]
    log: Callable[[str], None]


def up(
    environ: Mapping[str, str],
    *,
    local: str | None = None,
    may_take_next_port: bool = False,
    notes: Sequence[str] = (),
    once_ready: Callable[[str, Callable[[], bool]], None] | None = None,
) -> int:
    """Runs until a signal arrives. Returns the exit code: 0 after a clean end, 1 if a process had to be killed, 2 if
    nothing could be started.

    `local` is the path of a GGUF file to serve, "" for the model that is installed, None for no local model. If the
    port is taken, the next free one is, if that is allowed. `notes` are more lines to print first. `once_ready` is
    called with the address and a function that tells whether all is to stop, in a thread of its own, when the service
    and the local model are ready.
    """
    began = time.monotonic()
    with contextlib.ExitStack() as held:
        plan = None
        try:
            plan = _prepare(environ, local, held, listen_nearby if may_take_next_port else listen)
            if once_ready is not None:
                plan = plan._replace(team=replace(plan.team, once_ready=partial(once_ready, plan.address)))
            for line in (*plan.banner, *(f"note     {note}" for note in notes)):
                _news(line)
            return 0 if asyncio.run(supervise(plan.team, Outputs(_news, plan.log), began)) else 1
        except SettingsError as error:
            for problem in error.problems:
                _log(f"judged: {problem}")
        except StartError as error:
            (plan.log if plan else _log)(f"judged: {error}{_store_reason(plan)}")
    return 2


def _prepare(
    environ: Mapping[str, str],
    local: str | None,
    held: contextlib.ExitStack,
    listening: Callable[[str, int], socket.socket],
) -> Plan:
    """Locks the data and opens the socket for as long as `held` is open, and returns the processes to run."""
    settings = load_settings(None, environ)
    model_file = None if local is None else local_model.find_model(local)
    store, lock = (None, None) if settings.store.redis_url else _claim_store(settings, held)
    listener = listening(settings.server.host, settings.server.port)
    held.callback(listener.close)
    host, port = listener.getsockname()[:2]
    found = _find_models(settings, environ, model_file)
    model_port = free_port(local_model.MODEL_HOST) if found.local_model else None
    env = _children_environ(environ, found, model_port, str(port), store)
    settings = load_settings(None, env)  # as the children will read it
    for model in settings.default_models:
        if fault := settings.model_fault(model):
            raise StartError(f"defaults.models: {model}: {fault}{_missing_key(model)}")
    team = Team(
        store=_store_child(store, lock, env),
        store_is_ready=partial(embedded_store.wait_until_ready, store.socket) if store else _at_once,
        roles=(_api(listener.fileno(), env, settings), *_workers(settings, env)),
        is_ready=partial(http_ok, _ANY_ADDRESS.get(host, host), port, "/readyz"),
        model=_model_child(found, model_port, env),
        model_is_ready=partial(http_ok, local_model.MODEL_HOST, model_port, "/health") if model_port else None,
        on_drain=listener.close,
    )
    address = f"http://{in_url(host)}:{port}"
    log = _log_json if settings.log.format == "json" else _log
    return Plan(team, address, store.log if store else None, _banner(address, settings, found, store), log)


def _claim_store(settings: Settings, held: contextlib.ExitStack) -> tuple[embedded_store.Store, int]:
    data = Path(settings.store.data).expanduser().absolute()
    lock = held.enter_context(claimed(data))
    binary = embedded_store.find_binary(settings.store.binary)
    return embedded_store.Store(binary, data, held.enter_context(embedded_store.socket_for(data))), lock


def _find_models(settings: Settings, environ: Mapping[str, str], model_file: Path | None) -> FoundModels:
    """Returns the configured models, plus a local one if requested; without configuration, those that can be found."""
    named = settings.default_models
    if model_file is not None:
        models = named or (local_model.model_name(model_file),)
        providers = {} if settings.providers else keyed_providers(environ)
        return FoundModels(providers, models, model_file, "configured" if named else "--local")
    if settings.providers:
        return FoundModels({}, named, None, "configured")
    return discover(named, environ)


def _missing_key(model: str) -> str:
    kind = KINDS.get(model.partition("/")[0])
    return f": {kind.key_variable} is not set" if kind and kind.key_variable else ""


def _children_environ(
    environ: Mapping[str, str],
    found: FoundModels,
    model_port: int | None,
    port: str,
    store: embedded_store.Store | None,
) -> dict[str, str]:
    """Returns the environment of all processes, so that they share the models and the address chosen here."""
    providers = {**json.loads(environ.get(PROVIDERS, "").strip() or "{}"), **found.providers}
    if model_port:
        providers[LOCAL] = local_model.provider_section(model_port)
    return {
        **python_environ(environ),
        "JUDGED_PORT": port,
        "JUDGED_MODELS": ",".join(found.models),
        PROVIDERS: json.dumps(providers) if providers else "",
        **({"JUDGED_REDIS_URL": store.url} if store else {}),
    }


def _store_child(store: embedded_store.Store | None, lock: int | None, env: Mapping[str, str]) -> Child | None:
    """Returns the store's process, which inherits the lock: it is released only after the store has ended."""
    if store is None or lock is None:
        return None
    return Child("store", embedded_store.store_command(store), env, pass_fds=(lock,))


def _api(listener: int, env: Mapping[str, str], settings: Settings) -> Child:
    argv = python_module("service.cli", "api", "--fd", str(listener))
    return Child("api", argv, env, settings.server.shutdown_seconds + _GRACE_S, pass_fds=(listener,), rereads=True)


def _workers(settings: Settings, env: Mapping[str, str]) -> list[Child]:
    argv = python_module("worker")
    grace_s = settings.worker.shutdown_seconds + _GRACE_S
    return [Child(f"worker-{n}", argv, env, grace_s, rereads=True) for n in range(1, settings.worker.processes + 1)]


def _model_child(found: FoundModels, port: int | None, env: Mapping[str, str]) -> Child | None:
    if found.local_model is None or port is None:
        return None
    return Child("model", local_model.model_command(found.local_model, port), env)


def _banner(address: str, settings: Settings, found: FoundModels, store: embedded_store.Store | None) -> list[str]:
    """Returns the first lines: the address, the default models with the reason, notes on them, and the data's place."""
    named = ", ".join(settings.default_models)
    models = f"{named} ({found.why})" if named else "none by default: each judge or job names its own"
    notes = [_CONTROL_NOTE] if any(model.startswith("control/") for model in settings.default_models) else []
    if found.local_model:
        own = local_model.model_name(found.local_model)
        models += "" if own in settings.default_models else f", and {own}"
        notes.append(_LOCAL_NOTE)
    where = f"{store.data} ({store.binary.name})" if store else without_password(settings.store.redis_url or "")
    return [
        f"judged   {address}",
        f"pages    {address}/",
        f"models   {models}",
        *(f"note     {note}" for note in notes),
        f"data     {where}",
    ]


async def _at_once() -> None:
    """Returns at once: there is no store of our own to wait for."""


def in_url(host: str) -> str:
    """Returns a host as an address and a Host header have it: that of IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


async def http_ok(host: str, port: int, path: str) -> bool:
    """Returns whether a GET is answered with 200. No client library: its import takes longer than the store's start."""
    try:
        async with asyncio.timeout(_HTTP_LIMIT_S):
            reader, writer = await asyncio.open_connection(host, port)
            with contextlib.closing(writer):
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {in_url(host)}\r\nConnection: close\r\n\r\n".encode())
                return b" 200 " in await reader.readline()
    except OSError:  # TimeoutError is one
        return False


def _store_reason(plan: Plan | None) -> str:
    """Returns the last line of the store's log as a suffix of the message, "" if there is none."""
    words = embedded_store.last_words(plan.store_log) if plan and plan.store_log else ""
    return f": {words} (see {plan.store_log})" if plan and words else ""


def _news(line: str) -> None:
    with contextlib.suppress(OSError):  # whoever read our output has gone; the service keeps running
        print(line, flush=True)


def _log(line: str) -> None:
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def _log_json(line: str) -> None:
    """Prints a line of a process's output, or of the supervisor, as a JSON object with the name of the process."""
    process, is_output, text = line.partition(" | ")
    if is_output and text.startswith(LINE_BEGIN) and text.endswith("}"):
        _log(f'{text[:-1]}, "process": {json.dumps(process)}}}')
    else:
        words, fields = (text, {"process": process}) if is_output else (line, {})
        event = {"name": __name__, "levelname": "INFO", "msg": words, "fields": fields}
        _log(JsonLines().format(logging.makeLogRecord(event)))
