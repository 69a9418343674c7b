"""Every kind of provider has its module."""

import pytest

from service.config.kinds import KINDS
from service.config.settings import ProviderSettings
from worker.providers.capabilities import Capabilities
from worker.providers.registry import build_provider


@pytest.mark.parametrize("kind", KINDS)
async def test_each_kind_is_built(kind: str) -> None:
    settings = ProviderSettings(kind=kind, base_url=KINDS[kind].base_url)
    await build_provider("mine", settings, Capabilities()).aclose()


def test_a_kind_without_a_module_is_an_error_that_names_it() -> None:
    with pytest.raises(ModuleNotFoundError, match="budgie"):
        build_provider("mine", ProviderSettings(kind="budgie"), Capabilities())
