"""The providers. A new kind is one file here, named for it, and one row of `service/config/kinds.py`."""

from worker.providers.registry import build_provider

__all__ = ["build_provider"]
