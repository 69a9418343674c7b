"""Settings: the order of overrides, and that all problems are reported at once, each with its place."""

import hashlib
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from service.config.environment import PROVIDERS, variables
from service.config.reference import settings_reference
from service.config.secrets import Secret
from service.config.sections import KeySettings, PriceSettings, ProviderSection, SettingsFile
from service.config.settings import Settings, SettingsError, load_settings, without_password
from service.config.toml_text import example_file, setting_description, settings_in_force

EXAMPLE = Path(__file__).parents[2] / "deploy" / "judged.example.toml"
REFERENCE = Path(__file__).parents[2] / "service" / "docs" / "reference-settings.md"
KEY_HASH = hashlib.sha256(b"a key").hexdigest()

SERVER = "[providers.a]\nkind = 'openai'\nbase_url = 'http://a'\n"
PLAIN_SECTIONS = [field for field in msgspec.structs.fields(SettingsFile) if isinstance(field.default, msgspec.Struct)]

Load = Callable[..., Settings]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads a file of the given text, in a folder that holds nothing else."""
    monkeypatch.chdir(tmp_path)

    def from_text(text: str, environ: Mapping[str, str] | None = None, **options: Any) -> Settings:
        path = tmp_path / "given.toml"
        path.write_text(text)
        return load_settings(str(path), environ or {}, **options)

    return from_text


def problems_of(load: Load, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(text, environ)
    return caught.value.problems


def test_defaults_need_neither_file_nor_environment(load: Load) -> None:
    settings = load_settings(None, {})
    assert (settings.server.host, settings.server.port, settings.store.redis_url) == ("127.0.0.1", 8000, None)
    assert settings.default_models == ()


def test_file_is_the_option_else_the_variable_else_the_usual_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for port, name in ((1, "judged.toml"), (2, "variable.toml"), (3, "option.toml")):
        (tmp_path / name).write_text(f"[server]\nport = {port}")
    assert load_settings(None, {}).server.port == 1
    assert load_settings(None, {"JUDGED_CONFIG": "variable.toml"}).server.port == 2
    assert load_settings("option.toml", {"JUDGED_CONFIG": "variable.toml"}).server.port == 3


def test_environment_overrides_the_file(load: Load) -> None:
    environ = {
        "JUDGED_PORT": "9000",
        "JUDGED_MODELS": "control/length, control/overlap",
        "JUDGED_RESULTS_KEEP_DAYS": "0.5",
        "JUDGED_LOG_LEVEL": "debug",
        "JUDGED_SERVER_MAX_ITEMS": "7",
    }
    settings = load("[server]\nport = 1\nmax_wait_seconds = 5", environ)
    assert (settings.server.port, settings.server.max_items, settings.server.max_wait_seconds) == (9000, 7, 5)
    assert settings.default_models == ("control/length", "control/overlap")
    assert (settings.store.results_keep_days, settings.log.level) == (0.5, "debug")


def test_a_byte_order_mark_is_passed_over(load: Load) -> None:
    assert load("\ufeff[server]\nport = 1").server.port == 1


def test_empty_variable_counts_as_not_set(load: Load) -> None:
    assert load("[server]\nport = 1", {"JUDGED_PORT": "", "JUDGED_REDIS_URL": " "}).server.port == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("typo = 1", "typo: unknown key, did you mean store?"),
        ("[sever]\nport = 1", "sever: unknown key, did you mean server?"),
        ("[server]\nprot = 1", "server.prot: unknown key, did you mean port?"),
        ("[server]\nport = 'x'", "server.port: must be a whole number, not text"),
        ("[server]\nport = 70000", "server.port: must be at most 65535"),
        ("server = 3", "server: expected a table, got int"),
        ("providers = 3\n[defaults]\nmodels = ['a/b']", "providers: must be a table, not a whole number"),
        ("[log]\nlevel = 'loud'", "log.level: expected one of debug, info, warning, error"),
        ("[providers.a]\nbase_url = 'http://a'", "providers.a.kind: missing"),
        (
            "[providers.a]\nkind = 'openai'\nbase_url = 'http://a'\ntimout_seconds = 3",
            "providers.a.timout_seconds: unknown key, did you mean timeout_seconds?",
        ),
        (
            "[providers.a]\nkind = 'opnai'",
            "providers.a.kind: expected one of openai, anthropic, gemini, control",
        ),
        (
            "[providers.control]\nkind = 'openai'\nbase_url = 'http://a'",
            "providers.control.kind: the name control is",
        ),
        (
            "[providers.a]\nkind = 'openai'\nbase_url = 'a:1'",
            "providers.a.base_url: expected an address that starts",
        ),
        (
            "[providers.a]\nkind = 'gemini'\nbase_url = 'http://a/v1beta'",
            "providers.a.base_url: leave out the version",
        ),
        (
            "[providers.a]\nkind = 'openai'\nbase_url = 'http://u:p@a/v1'",
            "providers.a.base_url: a password is not",
        ),
        *(
            (f"[providers.a]\nkind = 'openai'\nbase_url = 'http://{rest}'", "providers.a.base_url: expected HOST or")
            for rest in ("/v1", "h:70000/v1", "h:x/v1", "h h/v1", "[::1/v1")
        ),
        (
            "[providers.a]\nkind = 'openai'\nbase_url = 'http://h/v1/chat/completions/'",
            "providers.a.base_url: leave out /chat/completions: each call adds it",
        ),
        (
            "[providers.a]\nkind = 'anthropic'\nbase_url = 'http://h/v1/messages'",
            "providers.a.base_url: leave out /messages: each call adds it",
        ),
        ("[providers.'a b']\nkind = 'control'", "providers.a b: a provider's name is letters"),
        ("[store]\nredis_url = 'http://a'", "store.redis_url: expected an address that starts with redis://"),
        ("[store]\nredis_url = 'redis://h:x'", "store.redis_url: expected HOST or HOST:PORT"),
        ("[store]\nredis_url = 'redis://h:65536'", "store.redis_url: expected HOST or HOST:PORT"),
        ("[store]\nredis_url = 'redis://[::1'", "store.redis_url: expected HOST or HOST:PORT"),
        ("[store]\nredis_url = 'redis://h/zero'", "store.redis_url: expected the number of a database"),
        ("[store]\nredis_url = 'redis://h?db=x'", "store.redis_url: db: expected the number of a database"),
        ("[store]\nredis_url = 'rediss://h?ssl_cert_reqs=no'", "store.redis_url: ssl_cert_reqs: expected none"),
        ("[store]\nredis_url = 'redis://a:1,b:2'", "store.redis_url: expected HOST or HOST:PORT"),
        ("[store]\nredis_url = 'redis+sentinel://a:1,b:2'", "store.redis_url: expected the name of the primary"),
        (
            "[store]\nredis_url = 'rediss://h?ssl_cacerts=x'",
            "store.redis_url: unknown option ssl_cacerts of rediss://, did you mean ssl_ca_certs?",
        ),
        ("[store]\nredis_url = 'redis://h?ssl_ca_certs=x'", "store.redis_url: unknown option ssl_ca_certs"),
        ("[store]\nredis_url = 'rediss://h?ssl_ca_certs=no.pem'", "store.redis_url: ssl_ca_certs: there is no file"),
        ("[store]\nprefix = 'staging'", "store.prefix: expected letters, digits"),
        ("[store]\nprefix = 'a*b:'", "store.prefix: expected letters, digits"),
        ("[store]\nprefix = 'judged:'", "store.prefix: judged: would be mixed up"),
        ("[store]\nprefix = 'a:arq:'", "store.prefix: a:arq: would be mixed up"),
        ("[defaults]\nmodels = ['a']", "defaults.models[0]: a model is written provider/name"),
        (
            "[providers.a]\nkind = 'control'\n[defaults]\nmodels = ['b/c']",
            "defaults.models: b/c: there is no [providers.b]",
        ),
        ("[defaults]\nmodels = ['b/c']", "defaults.models: b/c: there is no [providers.b]"),
        ("[defaults]\nmodels = ['control/legth']", "defaults.models: 'control' has no model 'legth' (length, overlap)"),
        ("[keys]\nname = 'a'", "keys: write [[keys]], with two brackets, for each entry"),
        (f"{SERVER}requests_per_minute = 'x'", "providers.a.requests_per_minute: must be a whole number, not text"),
        ("[store]\nresults_keep_days = 1e12", "store.results_keep_days: must be at most 36600"),
        ("[server]\nidempotency_keep_hours = 1e15", "server.idempotency_keep_hours: must be at most 878400"),
        (f"{SERVER}timeout_seconds = 1e12", "providers.a.timeout_seconds: must be at most 31622400"),
        *(
            (f"[server]\ncallback_hosts = ['a', '{host}']", "server.callback_hosts[1]: expected a name, an address or")
            for host in ("http://a/", "10.0.0.1:80", "10.0.0.0/33", "a/b", "")
        ),
        ("[[keys]]\nname = 'a'\nsha256 = 'x'", "keys[0].sha256: must be 64 digits of 0-9 and a-f"),
        (
            f"[[keys]]\nname = 'a'\nsha256 = '{KEY_HASH}'\nscopes = ['write']",
            "keys[0].scopes[0]: expected one of",
        ),
        (f"[[keys]]\nname = 'a'\nsha256 = '{KEY_HASH}'\n" * 2, "keys: the name a is used twice"),
        (
            "".join(f"[[keys]]\nname = '{name}'\nsha256 = '{KEY_HASH}'\n" for name in "ab"),
            "keys: a and b have the same sha256",
        ),
        ("[prices.mine]\ninput = 1\noutput = 1", "prices.mine: expected a model, such as [prices."),
        ("[prices.'a/b']\ninput = -1\noutput = 1", "prices.a/b.input: must be 0 or more"),
        (f"{SERVER}proxy = 'http://'", "providers.a.proxy: expected HOST or HOST:PORT after the //"),
        (f"{SERVER}proxy = 'socks://a'", "providers.a.proxy: expected an address that starts with http://"),
        (f"{SERVER}proxy = 'http://u:p@a'", "providers.a.proxy: a password is not written here"),
        (f"{SERVER}client_key_file = '{EXAMPLE}'", "providers.a.client_key_file: give client_cert_file too"),
        (f"{SERVER}ca_file = 'no.pem'", "providers.a.ca_file: there is no file no.pem"),
        (f"{SERVER}headers = {{ 'a b' = 'x' }}", "providers.a.headers.a b: not a header's name"),
        (f"{SERVER}headers = {{ Host = 'x' }}", "providers.a.headers.Host: set by each call itself"),
        (
            f"{SERVER}headers = {{ x = 'a\\nb' }}".replace("'a\\nb'", '"a\\nb"'),
            "providers.a.headers.x: a header's value is",
        ),
        (f"{SERVER}headers = {{ api-key = 'sk-1' }}", "providers.a.headers.api-key: a secret is not written here"),
        (f"{SERVER}headers = {{ api-key = 'env:NO' }}", "providers.a.headers.api-key: the variable NO is not set"),
        (f"{SERVER}query = {{ key = 'sk-1' }}", "providers.a.query.key: a secret is not written here"),
        ("[server]\ngrafana_url = 'a'", "server.grafana_url: expected an address that starts with http://"),
        ("[server]\ngrafana_url = 'http://u:p@a'", "server.grafana_url: a password is not written here"),
        ("a = ", "given.toml: not valid TOML: "),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(load: Load, text: str, problem: str) -> None:
    said = problems_of(load, text)
    assert len(said) == 1
    assert problem in said[0]


@pytest.mark.parametrize(
    "text", ["models = ['openai/m', 'ollama/m', 'local/m']", "models = ['local/m']\n[providers.a]\nkind = 'control'"]
)
def test_default_models_that_up_may_find_are_no_problem(load: Load, text: str) -> None:
    assert load(f"[defaults]\n{text}").default_models


def test_all_problems_are_said_and_not_only_the_first(load: Load) -> None:
    text = "typo = 1\n[server]\nport = 'x'\nhost = '0.0.0.0'\n[providers.a]\nkind = 'x'\n[log]\nlevel = 3"
    said = problems_of(load, text, {"JUDGED_PROT": "1", "JUDGED_WORKERS": "many"})
    assert [line.split(":")[0] for line in said] == [
        "JUDGED_WORKERS",
        "typo",
        "server.port",
        "providers.a.kind",
        "log.level",
        "JUDGED_PROT",
        "server.host",
    ]


def test_unknown_variable_names_the_nearest(load: Load) -> None:
    assert problems_of(load, "", {"JUDGED_PROT": "1"}) == ["JUDGED_PROT: unknown variable, did you mean JUDGED_PORT?"]


def test_variables_of_clients_tests_and_provider_keys_are_left_alone(load: Load) -> None:
    environ = {"JUDGED_URL": "x", "JUDGED_API_KEY": "x", "JUDGED_TEST_REDIS": "x", "JUDGED_MY_KEY": "k"}
    text = "[providers.a]\nkind = 'openai'\nbase_url = 'http://a'\napi_key_env = 'JUDGED_MY_KEY'"
    assert load(text, environ).providers["a"].api_key == "k"


def test_missing_file_is_an_error_only_where_it_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml: no such file"):
        load_settings(str(tmp_path / "nowhere.toml"), {})


def test_literal_key_is_refused_and_not_shown(load: Load) -> None:
    said = problems_of(load, "[providers.a]\nkind = 'openai'\nbase_url = 'http://a'\napi_key = 'sk-literal'")
    assert len(said) == 1
    assert said[0].startswith("providers.a.api_key: a secret is not written here: name its variable in api_key_env")
    assert "sk-literal" not in said[0]


def test_password_of_the_store_comes_from_the_environment_alone(load: Load) -> None:
    assert problems_of(load, "[store]\nredis_url = 'redis://:pw@h'") == [
        "store.redis_url: a password is not written here: set JUDGED_REDIS_URL instead"
    ]
    assert load("", {"JUDGED_REDIS_URL": "redis://:pw@h"}).store.redis_url == "redis://:pw@h"


@pytest.mark.parametrize(
    "url", ["redis://:hid/den@h:1", "redis://:hid?den@h", "redis://:hid#den@h", "redis://u:hidden@"]
)
def test_a_password_that_is_not_encoded_is_refused_and_not_shown(load: Load, url: str) -> None:
    [said] = problems_of(load, "", {"JUDGED_REDIS_URL": url})
    assert said.startswith("store.redis_url: ")
    assert "hid" not in said
    assert "den" not in said


@pytest.mark.parametrize(
    "text", ["api_key_env = 'sk-1'", "headers = { x = 'env:sk-1' }", "query = { q = 'env:sk-1' }", "proxy = 'env:sk-1'"]
)
def test_a_key_in_place_of_its_variables_name_is_refused_and_not_shown(load: Load, text: str) -> None:
    [said] = problems_of(load, SERVER + text)
    assert "expected the name of a variable" in said
    assert "sk-1" not in said


def test_callback_hosts_are_names_addresses_and_networks(load: Load) -> None:
    hosts = ["hooks.lan", "my_host", "hooks.lan.", "10.0.0.1", "10.0.0.0/8", "::1", "fd00::/8"]
    assert load(f"[server]\ncallback_hosts = {hosts}").server.callback_hosts == tuple(hosts)


def test_vendors_key_goes_to_the_vendors_address_and_to_no_other(load: Load) -> None:
    environ = {"OPENAI_API_KEY": "sk-1"}
    text = "[providers.o]\nkind = 'openai'\n[providers.v]\nkind = 'openai'\nbase_url = 'http://v/v1/'"
    settings = load(text, environ)
    assert (settings.providers["o"].api_key, settings.providers["v"].api_key) == ("sk-1", None)
    assert settings.providers["o"].base_url == "https://api.openai.com/v1"
    assert settings.providers["v"].base_url == "http://v/v1"


def test_key_is_read_from_a_file(load: Load, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-filed\n")
    text = "[providers.a]\nkind = 'anthropic'\napi_key_file = 'key'"
    assert load(text).providers["a"].api_key == "sk-filed"
    (tmp_path / "key").write_text("")
    assert problems_of(load, text) == ["providers.a.api_key_file: the file key is empty or can't be read"]


def test_missing_or_unusable_key_is_an_error_that_does_not_show_it(load: Load) -> None:
    text = "[providers.a]\nkind = 'anthropic'"
    assert problems_of(load, text) == ["providers.a.api_key_env: the variable ANTHROPIC_API_KEY is not set"]
    said = problems_of(load, text, {"ANTHROPIC_API_KEY": "sk-1\nX-Evil: 1"})
    place = "providers.a.api_key_env: the variable ANTHROPIC_API_KEY"
    assert said == [f"{place} has line ends or characters outside ASCII, which no key has"]


def test_api_needs_no_provider_key(load: Load) -> None:
    settings = load("[providers.a]\nkind = 'anthropic'", resolve_keys=False)
    assert settings.providers["a"].api_key is None


def test_secrets_are_neither_shown_nor_encoded(load: Load) -> None:
    environ = {"OPENAI_API_KEY": "sk-hidden", "JUDGED_REDIS_URL": "redis://:pw-hidden@h"}
    settings = load("[providers.openai]\nkind = 'openai'", environ)
    assert "hidden" not in repr(settings)
    with pytest.raises(TypeError):
        msgspec.json.encode(settings.providers["openai"])


def test_headers_query_and_proxy_take_their_secrets_from_the_environment(load: Load) -> None:
    text = f"""{SERVER}proxy = 'env:MY_PROXY'
headers = {{ authorization = 'env:JUDGED_GATEWAY', x-team = 'judges' }}
query = {{ api-version = '2024-10-21', sig = 'env:SIGNATURE' }}"""
    environ = {"MY_PROXY": "http://u:pw-hidden@p", "JUDGED_GATEWAY": "Bearer hidden", "SIGNATURE": "s-hidden"}
    settings = load(text, environ)
    provider = settings.providers["a"]
    assert provider.headers == {"authorization": "Bearer hidden", "x-team": "judges"}
    assert provider.query == {"api-version": "2024-10-21", "sig": "s-hidden"}
    assert provider.proxy == "http://u:pw-hidden@p"
    assert isinstance(provider.headers["authorization"], Secret)
    shown = "\n".join(settings_in_force(settings))
    assert "hidden" not in repr(settings) + shown
    assert tomllib.loads(shown)["providers"]["a"]["headers"] == {
        "authorization": "env:JUDGED_GATEWAY",
        "x-team": "judges",
    }


def test_api_looks_up_no_secret_and_no_file(load: Load) -> None:
    text = f"{SERVER}headers = {{ api-key = 'env:NO' }}\nca_file = 'no.pem'"
    assert load(text, resolve_keys=False).providers["a"].headers == {"api-key": "env:NO"}


def test_settings_in_force_have_every_section_and_load_again(load: Load, tmp_path: Path) -> None:
    text = f"{SERVER}[prices.'a/b']\ninput = 1\noutput = 2\n[[keys]]\nname = 'a'\nsha256 = '{KEY_HASH}'"
    settings = load(text, {"JUDGED_REDIS_URL": "redis://:pw-hidden@h?password=hidden"})
    shown = "\n".join(settings_in_force(settings))
    assert "hidden" not in shown
    assert set(tomllib.loads(shown)) == set(SettingsFile.__struct_fields__)
    assert load(shown.replace(":***@h?password=***", "h"), {}).prices == settings.prices


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_open_service_may_listen_on_loopback(load: Load, host: str) -> None:
    assert load(f"[server]\nhost = '{host}'").server.host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "judge.example.org"])
def test_open_service_may_not_listen_elsewhere(load: Load, host: str) -> None:
    assert problems_of(load, "", {"JUDGED_HOST": host}) == [
        f"server.host: {host} can be reached from outside: add [[keys]] or use 127.0.0.1"
    ]
    assert load(f"[[keys]]\nname = 'a'\nsha256 = '{KEY_HASH}'", {"JUDGED_HOST": host}).server.host == host


def test_providers_come_from_the_environment_too(load: Load) -> None:
    given = '{"a": {"kind": "openai", "base_url": "http://new/v1"}, "b": {"kind": "control"}}'
    settings = load("[providers.a]\nkind = 'openai'\nbase_url = 'http://old/v1'", {PROVIDERS: given})
    assert settings.providers["a"].base_url == "http://new/v1"
    assert settings.providers["b"].kind == "control"


@pytest.mark.parametrize("given", ["nonsense", "[]", '{"a": 1}'])
def test_unreadable_providers_in_the_environment_are_an_error(load: Load, given: str) -> None:
    assert problems_of(load, "", {PROVIDERS: given})[0].startswith("JUDGED_PROVIDERS: expected a JSON object")


def test_provider_of_a_model_is_what_stands_before_the_first_slash(load: Load) -> None:
    settings = load("[providers.hf]\nkind = 'openai'\nbase_url = 'http://a/v1'")
    assert settings.provider_of("hf/org/model") == settings.providers["hf"]
    assert settings.provider_of("nobody/model") is None


def test_control_needs_no_section(load: Load) -> None:
    provider = load("").provider_of("control/length")
    assert provider is not None
    assert provider.kind == "control"


def test_address_is_shown_without_its_password() -> None:
    for shown, url in (
        ("redis://u:***@h/0", "redis://u:p/w#?@x@h/0"),
        ("redis://:***@h", "redis://:p:w@h"),
        ("redis://u@h", "redis://u@h"),
        (
            "redis+sentinel://:***@a,b/m?sentinel_password=***&db=1",
            "redis+sentinel://:p@a,b/m?sentinel_password=s&db=1",
        ),
        ("unix:///s?password=***", "unix:///s?password=a@b"),
    ):
        assert without_password(url) == shown
    assert without_password("redis://u:p@h:1/0") == "redis://u:***@h:1/0"
    assert without_password("unix:///tmp/a.sock") == "unix:///tmp/a.sock"


def test_example_lists_every_setting_and_loads(tmp_path: Path) -> None:
    written = tomllib.loads(EXAMPLE.read_text())
    providers = {key for section in written["providers"].values() for key in section}
    assert providers == set(ProviderSection.__struct_fields__)
    assert set(written["keys"][0]) == set(KeySettings.__struct_fields__)
    assert set(written) == set(SettingsFile.__struct_fields__)
    for field in PLAIN_SECTIONS:
        assert set(written[field.name]) == set(field.type.__struct_fields__), field.name
    file = tmp_path / "file"
    file.write_text("k")
    text = re.sub(r'"/(run|etc)/[^"]*"', f'"{file}"', EXAMPLE.read_text())
    (tmp_path / "example.toml").write_text(text)
    environ = {"OPENAI_API_KEY": "k", "VLLM_GATEWAY_KEY": "k"}
    assert load_settings(str(tmp_path / "example.toml"), environ).keys[0].name == "support-bot"


def test_the_example_file_is_the_one_that_the_sections_give() -> None:
    """If this fails: `judged check-config --example > deploy/judged.example.toml`."""
    assert EXAMPLE.read_text() == example_file()


def test_the_reference_is_the_one_that_the_sections_give() -> None:
    """If this fails: `python -m service.config.reference > service/docs/reference-settings.md`."""
    assert REFERENCE.read_text() == settings_reference()


def test_every_setting_has_a_description() -> None:
    structs = [field.type for field in PLAIN_SECTIONS] + [ProviderSection, KeySettings, PriceSettings]
    assert all(setting_description(field) for struct in structs for field in msgspec.structs.fields(struct))


def test_example_names_every_variable_beside_its_setting() -> None:
    lines = EXAMPLE.read_text().splitlines()
    for name, (_, field) in variables(SettingsFile).items():
        assert any(line.startswith(f"{field.name} = ") and f"{name}" in line for line in lines), name


def test_example_gives_the_defaults(tmp_path: Path) -> None:
    written = tomllib.loads(EXAMPLE.read_text())
    for section in (field.name for field in PLAIN_SECTIONS if field.name not in ("defaults", "store")):
        default = msgspec.json.encode(getattr(SettingsFile(), section))
        assert written[section] == msgspec.json.decode(default)


def test_a_provider_that_is_named_as_its_kind_need_not_say_it_again(tmp_path: Path) -> None:
    file = tmp_path / "judged.toml"
    file.write_text(
        '[providers.openai]\nbase_url = "http://127.0.0.1:9/v1"\n[providers.other]\nbase_url = "http://x/v1"\n'
    )
    with pytest.raises(SettingsError) as caught:
        load_settings(str(file), {})
    assert caught.value.problems == ["providers.other.kind: missing"]
    file.write_text('[providers.openai]\nbase_url = "http://127.0.0.1:9/v1"\n')
    assert load_settings(str(file), {}).providers["openai"].kind == "openai"
