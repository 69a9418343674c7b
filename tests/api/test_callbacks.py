"""Each key reads its own secret of callbacks."""

from hashlib import sha256

import httpx

from service.config.sections import Scope
from service.config.settings import KeySettings
from tests.api.conftest import OpenApi, problem_of


async def test_the_secret_is_the_key_s_own(open_api: OpenApi) -> None:
    scopes: dict[str, Scope] = {"a": "submit", "b": "admin", "c": "read"}
    keys = [
        KeySettings(name=name, sha256=sha256(name.encode()).hexdigest(), scopes=(scope,))
        for name, scope in scopes.items()
    ]
    api: httpx.AsyncClient = await open_api(keys=tuple(keys))

    async def asked(name: str) -> httpx.Response:
        return await api.get("/v1/callbacks/secret", headers={"Authorization": f"Bearer {name}"})

    own = await asked("a")
    assert own.headers["cache-control"] == "no-store"
    assert own.json()["secret"].startswith("whsec_")
    assert (await asked("a")).json() == own.json() != (await asked("b")).json()
    problem_of(await asked("c"), 403, "forbidden")
