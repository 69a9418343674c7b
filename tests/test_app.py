"""The application takes the keys of the configuration again on SIGHUP."""

import asyncio
import os
import signal
from hashlib import sha256
from pathlib import Path

import pytest

from service.app import create_app, reread_keys
from service.config.settings import Settings, load_settings

KEY = '[[keys]]\nname = "{0}"\nsha256 = "{1}"\n'


def written(path: Path, *names: str) -> None:
    path.write_text("".join(KEY.format(name, sha256(name.encode()).hexdigest()) for name in names))


async def test_keys_come_and_go_with_the_configuration(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "judged.toml"
    written(path, "one")

    def read() -> Settings:
        return load_settings(str(path), {"JUDGED_REDIS_URL": "redis://127.0.0.1:1"}, resolve_keys=False)

    app = create_app(read(), read_again=read)
    async with app.lifespan():
        written(path, "one", "two")
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.1)
        assert [key.name for key in app.state.settings.keys] == ["one", "two"]
        path.write_text("[[keys]]\nnama = 1\n")
        reread_keys(app, read)
        assert [key.name for key in app.state.settings.keys] == ["one", "two"]
        assert "the keys stay as they were: keys" in caplog.text
        written(path, "two")
        reread_keys(app, read)
        assert [key.name for key in app.state.settings.keys] == ["two"]
        written(path)  # as if it were just being written: the API must not serve everyone
        reread_keys(app, read)
        assert [key.name for key in app.state.settings.keys] == ["two"]
        assert "the keys stay as they were: the configuration has none" in caplog.text
    asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)
