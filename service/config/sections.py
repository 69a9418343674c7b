"""The sections of the configuration, field by field."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from service.contracts.judges import ModelName, Name

Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]
Scope = Literal["submit", "read", "label", "admin"]


class Secret(str):
    """Text that `repr` does not show and msgspec does not encode, so that it reaches no log and no answer."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret(***)"


class ProviderSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[providers.NAME]` as it is written. A model is named `NAME/model`."""

    kind: Literal["openai", "anthropic", "gemini", "control"]  # the wire format
    base_url: str = ""  # where it answers; the vendor's own address unless given
    api_key_env: str | None = None  # holds the key; the usual one at the vendor's own address
    api_key_file: str | None = None  # the file that holds the key, in place of a variable
    max_concurrency: Count = 256  # calls at once, over all workers together
    requests_per_minute: Count | None = None  # over all workers together; unlimited unless given
    tokens_per_minute: Count | None = None  # in and out, over all workers together; unlimited unless given
    timeout_seconds: Seconds = 60  # for one attempt


class ProviderSettings(ProviderSection, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A provider as it is called: `base_url` filled in, with no slash at its end, and its key at hand."""

    api_key: Secret | None = None


class DefaultSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[defaults]`"""

    models: tuple[ModelName, ...] = ()  # asked where neither the job nor the judge names any


class KeySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[[keys]]`: one API key, of which only the hash is known here."""

    name: Name  # who uses it, in logs and limits
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]  # of the key: printf %s KEY | sha256sum
    scopes: tuple[Scope, ...] = ("submit", "read")
    budget_usd_per_day: Annotated[float, Meta(ge=0)] | None = None  # unlimited unless given


class ServerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[server]`"""

    host: str = "127.0.0.1"  # any but a loopback address needs [[keys]]
    port: Annotated[int, Meta(ge=0, le=65535)] = 8000  # 0 takes a free one
    max_body_bytes: Count = 64 * 1024 * 1024  # a larger request is refused with 413
    max_items: Count = 100_000  # a job of more items is refused
    max_wait_seconds: Seconds = 60  # the longest `wait` that a client gets
    idempotency_keep_hours: Seconds = 24  # how long an Idempotency-Key is remembered
    callback_hosts: tuple[str, ...] = ()  # hosts that a job's callback_url may name; with no [[keys]] any may be named
    shutdown_seconds: Count = 20  # how long open requests may take once the stop is asked for


class StoreSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[store]`"""

    redis_url: Secret | None = None  # redis://, rediss:// or unix://; none: `judged up` runs its own
    data: str = "./judged-data"  # where its own store keeps everything
    binary: str | None = None  # the server to run, a path or a name on PATH; the bundled Valkey unless given
    results_keep_days: Annotated[float, Meta(gt=0)] = 30  # how long jobs and judgments are kept

    @property
    def keep_s(self) -> int:
        """The same in seconds, at least one."""
        return max(int(self.results_keep_days * 86_400), 1)


class WorkerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[worker]`"""

    processes: Annotated[int, Meta(ge=1, le=256)] = 1  # worker processes that `judged up` runs
    max_calls: Count = 256  # model calls at once in one process
    shutdown_seconds: Count = 25  # how long calls under way may take once the stop is asked for
    refresh_seconds: Seconds = 15  # between two refreshes of the gauges of agreement, over all workers together


class ArenaSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[arena]`"""

    votes_per_voter_per_hour: Annotated[int, Meta(ge=1, le=10_000)] = 60  # more are refused with 429


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[log]`"""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Sections(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    defaults: DefaultSettings = DefaultSettings()
    keys: tuple[KeySettings, ...] = ()
    server: ServerSettings = ServerSettings()
    store: StoreSettings = StoreSettings()
    worker: WorkerSettings = WorkerSettings()
    arena: ArenaSettings = ArenaSettings()
    log: LogSettings = LogSettings()


class SettingsFile(Sections, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file as it is written."""

    providers: dict[str, ProviderSection] = {}
