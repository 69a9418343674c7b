"""The sections of the configuration. A setting is one field here.

From its type, default and description follow its environment variable, the output of `judged check-config`, the
example file and the reference in the documentation.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from service.config.kinds import KINDS
from service.config.secrets import Secret
from service.contracts.judges import ModelName, Name
from service.contracts.names import SHA256_PATTERN

# Bounds beyond any use: larger numbers overflow a time or an integer of the store or of the HTTP client.
Count = Annotated[int, Meta(ge=1, le=10**12)]
Seconds = Annotated[float, Meta(gt=0, le=366 * 86_400)]
Hours = Annotated[float, Meta(gt=0, le=100 * 366 * 24)]
Days = Annotated[float, Meta(gt=0, le=100 * 366)]
Dollars = Annotated[float, Meta(ge=0, le=10**6)]
Scope = Literal["submit", "read", "label", "admin"]
KindName = Annotated[str, Meta(extra={"one_of": KINDS})]  # looked up when it is read: the rows of KINDS decide


def about(description: str, *examples: Any) -> Meta:
    """Returns the description of a setting, for its type. The example file shows the examples, else the default."""
    return Meta(description=description, examples=list(examples) or None)


class ProviderSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[providers.NAME]`: a provider. Its models are written `NAME/model`."""

    kind: Annotated[
        KindName, about(f"the wire format: {', '.join(KINDS)}; openai is any compatible server", "openai", "openai")
    ]
    base_url: Annotated[
        str,
        about("the address of the API; the vendor's own unless given", KINDS["openai"].base_url, "https://vllm.lan/v1"),
    ] = ""
    api_key_env: Annotated[
        str | None,
        about("the variable that holds the key; the usual one at the vendor's own address", "OPENAI_API_KEY"),
    ] = None
    api_key_file: Annotated[
        str | None, about("the file that holds the key, in place of a variable", "/run/secrets/vllm-key")
    ] = None
    max_concurrency: Annotated[Count, about("calls at once, over all workers together")] = 256
    requests_per_minute: Annotated[Count | None, about("over all workers together; unlimited unless given", 5000)] = (
        None
    )
    tokens_per_minute: Annotated[
        Count | None, about("in and out, over all workers together; unlimited unless given", 2_000_000)
    ] = None
    timeout_seconds: Annotated[Seconds, about("for one attempt")] = 60
    proxy: Annotated[
        str | None,
        about('else HTTPS_PROXY, HTTP_PROXY, NO_PROXY; with a password: "env:VARIABLE"', "http://proxy.lan:3128"),
    ] = None
    ca_file: Annotated[
        str | None, about("authorities to trust, as PEM; else SSL_CERT_FILE, else the usual ones", "/etc/ssl/own.pem")
    ] = None
    client_cert_file: Annotated[
        str | None, about("the certificate to show to the server, as PEM", "/etc/ssl/client.pem")
    ] = None
    client_key_file: Annotated[
        str | None, about("its key, if client_cert_file does not hold it", "/etc/ssl/client-key.pem")
    ] = None
    headers: Annotated[
        dict[str, str],
        about('sent with each call; "env:VARIABLE" is a secret in that variable', {"api-key": "env:VLLM_GATEWAY_KEY"}),
    ] = {}
    query: Annotated[
        dict[str, str], about("added to the address of each call; as in headers", {"api-version": "2024-10-21"})
    ] = {}


class ProviderSettings(ProviderSection, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A provider as it is called.

    `base_url` is filled in and has no slash at its end. The key is at hand. Values of `proxy`, `headers` and `query`
    that named a variable are its content, as a Secret.
    """

    api_key: Secret | None = None


class PriceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[prices."PROVIDER/MODEL"]`: the price of a model that has no list price, or another one than that."""

    input: Annotated[Dollars, about("of the prompt, in US dollars for a million tokens", 0.1)]
    output: Annotated[Dollars, about("of the answer, in US dollars for a million tokens", 0.4)]


class DefaultSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[defaults]`"""

    models: Annotated[
        tuple[ModelName, ...], about("asked if neither the job nor the judge names any", ["openai/gpt-6-luna"])
    ] = ()


class KeySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[[keys]]`: one API key, of which the service knows only the hash."""

    name: Annotated[Name, about("who uses it, in logs and limits", "support-bot")]
    sha256: Annotated[str, Meta(pattern=SHA256_PATTERN), about("of the key: printf %s KEY | sha256sum", "0" * 64)]
    scopes: Annotated[
        tuple[Scope, ...],
        about("of submit, read, label and admin; submit and read unless given", ("submit", "read", "label")),
    ] = ("submit", "read")
    requests_per_minute: Annotated[
        Annotated[int, Meta(ge=1, le=100_000)] | None,
        about("more are refused with 429, over all API processes; unlimited unless given", 600),
    ] = None
    budget_usd_per_day: Annotated[Dollars | None, about("unlimited unless given", 20.0)] = None


class ServerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[server]`"""

    host: Annotated[str, about("the address to listen on; any but a loopback address needs [[keys]]")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535), about("the port to listen on; 0 takes a free one")] = 8000
    max_body_bytes: Annotated[Count, about("a larger request is refused with 413")] = 64 * 1024 * 1024
    max_upload_bytes: Annotated[Count, about("the same for NDJSON and CSV, which are read line by line")] = 1024**3
    max_items: Annotated[Count, about("a job of more items is refused")] = 100_000
    max_wait_seconds: Annotated[Seconds, about("the longest `wait` that a client gets")] = 60
    idempotency_keep_hours: Annotated[Hours, about("how long an Idempotency-Key is remembered")] = 24
    callback_hosts: Annotated[
        tuple[str, ...],
        about("hosts that a callback_url may name although they are not public: names, addresses, networks"),
    ] = ()
    grafana_url: Annotated[
        str, about("the Grafana with the dashboards of deploy/grafana, such as http://127.0.0.1:3000; pages link to it")
    ] = ""
    shutdown_seconds: Annotated[Count, about("for open requests, once the stop is asked for")] = 20


class StoreSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[store]`"""

    redis_url: Annotated[
        Secret | None,
        about(
            "redis://, rediss:// (TLS), unix://, or redis+sentinel://HOST:PORT,HOST:PORT/NAME; `judged up` runs its own"
            " store unless given",
            "redis://127.0.0.1:6379/0",
        ),
    ] = None
    prefix: Annotated[
        Annotated[str, Meta(max_length=64)],
        about("such as staging:, begins every key in the store, so that several installations can share it"),
    ] = ""
    confirmed_replicas: Annotated[
        int, Meta(ge=0, le=10), about("a job is accepted once so many replicas of the store have it; else 503")
    ] = 0
    data: Annotated[str, about("the folder of the store that `judged up` runs")] = "./judged-data"
    binary: Annotated[
        str | None,
        about("the server that `judged up` runs, a path or a name; the bundled Valkey unless given", "redis-server"),
    ] = None
    results_keep_days: Annotated[Days, about("how long jobs and judgments are kept")] = 30

    @property
    def keep_s(self) -> int:
        """`results_keep_days` in seconds, at least one."""
        return max(int(self.results_keep_days * 86_400), 1)


class QueueSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[queue]`"""

    max_items: Annotated[
        Count, about("judgments that are accepted and not finished; a job that would exceed it is refused with 429")
    ] = 2_000_000  # the largest job: server.max_items, by 20 judges


class WorkerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[worker]`"""

    processes: Annotated[int, Meta(ge=1, le=256), about("worker processes that `judged up` runs")] = 1
    max_calls: Annotated[Count, about("model calls at once in one process")] = 256
    shutdown_seconds: Annotated[Count, about("for calls under way, once the stop is asked for")] = 25
    refresh_seconds: Annotated[Seconds, about("between two refreshes of the agreement gauges, by any API")] = 15
    alive_file: Annotated[
        str,
        about("touched every three seconds while the process works or waits, for a liveness probe; none if empty"),
    ] = ""


class ArenaSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[arena]`"""

    votes_per_voter_per_hour: Annotated[int, Meta(ge=1, le=10_000), about("more are refused with 429")] = 600


class AnchorSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[anchors]`"""

    judgments_per_day: Annotated[
        int, Meta(ge=0, le=500), about("of each judge's anchors, evenly over the day; 0 judges none again")
    ] = 48


class ArchiveSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[archive]`: finished jobs and labels as Parquet in an object store; needs the extra `archive`.

    The keys of the object store come from its usual variables, such as `AWS_ACCESS_KEY_ID`, or from the machine's role.
    """

    url: Annotated[
        str, about("s3://, gs:// or az:// with a bucket and a folder, or a local folder; no archive if empty")
    ] = ""
    endpoint: Annotated[str, about("the address of another server that speaks S3, such as https://s3.lan")] = ""
    region: Annotated[str, about("of an S3 bucket; else AWS_REGION")] = ""
    after_hours: Annotated[float, Meta(ge=0, le=100 * 366 * 24), about("from a job's end until it is archived")] = 24
    every_seconds: Annotated[Seconds, about("between two runs, over all workers; each writes what is due")] = 600
    file_judgments: Annotated[
        int, Meta(ge=100, le=500_000), about("the most judgments of one file, which is made in memory")
    ] = 20_000
    keep_days: Annotated[
        float, Meta(ge=0, le=100 * 366), about("how long judgments are kept in the archive; 0 keeps them for good")
    ] = 0
    timeout_seconds: Annotated[Seconds, about("for one call to the object store")] = 30

    @property
    def after_s(self) -> int:
        """`after_hours` in seconds."""
        return int(self.after_hours * 3600)


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[log]`"""

    level: Annotated[Literal["debug", "info", "warning", "error"], about("debug, info, warning, error")] = "info"
    format: Annotated[Literal["text", "json"], about("text or json, one line an event on standard error")] = "text"


class TelemetrySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[telemetry]`: traces and evaluation events by OpenTelemetry; needs the extra `otel`."""

    endpoint: Annotated[
        str, about("a collector's address (OTLP over HTTP); else OTEL_EXPORTER_OTLP_ENDPOINT; none: nothing is sent")
    ] = ""
    explanations: Annotated[bool, about("send judges' explanations too, which may quote judged texts")] = False


class Sections(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All sections but the providers', which are completed when they are read."""

    prices: dict[str, PriceSettings] = {}
    defaults: DefaultSettings = DefaultSettings()
    keys: tuple[KeySettings, ...] = ()
    server: ServerSettings = ServerSettings()
    store: StoreSettings = StoreSettings()
    queue: QueueSettings = QueueSettings()
    worker: WorkerSettings = WorkerSettings()
    arena: ArenaSettings = ArenaSettings()
    anchors: AnchorSettings = AnchorSettings()
    archive: ArchiveSettings = ArchiveSettings()
    log: LogSettings = LogSettings()
    telemetry: TelemetrySettings = TelemetrySettings()


class SettingsFile(Sections, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file as it is written."""

    providers: dict[str, ProviderSection] = {}
