"""Each key has a secret of its own for callbacks, as long as Standard Webhooks asks for."""

from base64 import b64decode

from service.jobs.callback_secrets import callback_secret


def test_it_follows_from_the_installation_and_the_key() -> None:
    secrets = [callback_secret(installation, owner) for installation in (b"a", b"b") for owner in (None, "bot", "ci")]
    assert len(set(secrets)) == 6
    assert callback_secret(b"a", "bot") == secrets[1]
    for each in secrets:
        assert each.startswith("whsec_")
        assert 24 <= len(b64decode(each.removeprefix("whsec_"))) <= 64
