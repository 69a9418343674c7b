"""Odd URLs are refused at intake, addresses that are not public need to be listed, and each key has its own secret."""

from base64 import b64decode

import pytest

from service.jobs.callbacks import callback_problem, callback_secret, may_be_called

PUBLIC = "93.184.216.34"


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example/done?token=x",
        "http://hooks.example:8080/",
        "https://xn--bcher-kva.example./",
        f"https://{PUBLIC}/",
        "https://[2606:2800:220:1:248:1893:25c8:1946]:443/x",
        "https://1password.example/",
        "https://4.hooks.example/a%20b",
    ],
)
def test_a_usual_url_has_no_problem(url: str) -> None:
    assert callback_problem(url, []) is None


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:6379/", "is not public"),
        ("http://127.1/", "usual form"),
        ("http://2130706433/", "usual form"),
        ("http://0x7f.0.0.1/", "usual form"),
        ("http://0x7f000001/", "usual form"),
        ("http://0177.0.0.1/", "usual form"),
        ("http://127.0.0.1./", "usual form"),
        ("http://localhost/", "is not public"),
        ("http://LOCALHOST:8000/", "is not public"),
        ("http://a.localhost./", "is not public"),
        ("http://10.1.2.3/", "is not public"),
        ("http://192.168.0.1/", "is not public"),
        ("http://169.254.169.254/latest/meta-data", "is not public"),
        ("http://100.64.0.1/", "is not public"),
        ("http://192.0.0.192/opc/v1/", "is not public"),
        ("http://168.63.129.16/", "is not public"),
        ("http://0.0.0.0/", "is not public"),
        ("http://224.0.0.1/", "is not public"),
        ("http://[::1]/", "is not public"),
        ("http://[::]/", "is not public"),
        ("http://[::ffff:127.0.0.1]/", "is not public"),
        ("http://[::ffff:7f00:1]/", "is not public"),
        ("http://[64:ff9b::7f00:1]/", "is not public"),
        ("http://[2002:7f00:1::]/", "is not public"),
        ("http://[::127.0.0.1]/", "is not public"),
        ("http://[::8.8.8.8]/", "is not public"),
        ("http://[::ffff:0:7f00:1]/", "is not public"),
        ("http://[64:ff9b:1::7f00:1]/", "is not public"),
        ("http://[fe80::1]/", "is not public"),
        ("http://[fe80::1%25eth0]/", ""),
        ("http://[fd00::1]/", "is not public"),
        ("http://[fec0::1]/", "is not public"),
        ("http://user:secret@hooks.example/", "user name"),
        ("http://user@hooks.example/", "user name"),
        ("http://hooks.example\\@127.0.0.1/", "backslashes"),
        ("http://hooks.example/a b", "spaces"),
        ("http://hooks.example/\u00e9", "ASCII"),
        ("http://b\u00fccher.example/", "ASCII"),
        ("http://hooks.example:0/", "port 0"),
        ("http://hooks.example:99999/", "not a URL"),
        ("http://hooks.example:x/", "not a URL"),
        ("http:///done", "neither a name"),
        ("http://[::1", "not a URL"),
        ("http://a..b/", "neither a name"),
        ("http://-a.example/", "neither a name"),
        ("http://" + "a" * 64 + ".example/", "neither a name"),
        ("http://hooks.example\n", "spaces"),
    ],
)
def test_an_odd_url_is_refused(url: str, words: str) -> None:
    problem = callback_problem(url, [])
    assert problem is not None
    assert words in problem


def test_names_addresses_and_networks_may_be_listed() -> None:
    listed = ["Inner.example", "10.0.0.0/8", "::1", "localhost"]
    for url in ("http://10.9.9.9/", "http://[::1]/", "http://localhost:1/"):
        assert callback_problem(url, listed) is None
    assert callback_problem("http://11.0.0.1/", listed) is None  # public
    assert callback_problem("http://192.168.0.1/", listed) is not None
    assert may_be_called("inner.EXAMPLE.", "192.168.0.1", listed)
    assert may_be_called("other.example", "10.0.0.1", listed)
    assert not may_be_called("other.example", "127.0.0.1", listed)
    assert not may_be_called("other.example", "fe80::1%eth0", listed)
    assert may_be_called("other.example", PUBLIC, [])


def test_it_follows_from_the_installation_and_the_key() -> None:
    secrets = [callback_secret(installation, owner) for installation in (b"a", b"b") for owner in (None, "bot", "ci")]
    assert len(set(secrets)) == 6
    assert callback_secret(b"a", "bot") == secrets[1]
    for each in secrets:
        assert each.startswith("whsec_")
        assert 24 <= len(b64decode(each.removeprefix("whsec_"))) <= 64
