"""The client of webhooks is loaded with the first callback. What it does is in `test_callbacks.py`."""

import subprocess
import sys

_LOADED = "import sys; import worker.process; print('aiohttp' in sys.modules)"


def test_a_worker_without_callbacks_does_not_load_the_client_of_webhooks() -> None:
    ran = subprocess.run([sys.executable, "-c", _LOADED], check=True, capture_output=True, text=True, timeout=50)
    assert ran.stdout == "False\n"
