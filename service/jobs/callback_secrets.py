"""The secrets with which callbacks are signed, as Standard Webhooks (https://www.standardwebhooks.com) has them."""

import hmac
from base64 import b64encode
from hashlib import sha256

_PREFIX = "whsec_"


def callback_secret(installation: bytes, owner: str | None) -> str:
    """Returns the secret for the jobs of an API key, None if no keys are configured.

    It follows from the installation's secret, so that no key can forge another's callbacks.
    """
    digest = hmac.new(installation, f"callbacks\n{owner or ''}".encode(), sha256).digest()
    return _PREFIX + b64encode(digest).decode()
