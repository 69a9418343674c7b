"""Pages without a socket, and a service with a history."""

from tests.api.conftest import api, open_api, serve
from tests.pages.test_browser import browser

__all__ = ["api", "browser", "open_api", "serve"]
