"""A client of redis-py that sends the commands of one turn of the event loop in one round trip."""

import asyncio
from functools import partial
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import ConnectionError, ReadOnlyError, TimeoutError

_CANCEL_AGAIN_S = 1.0  # `asyncio.wait_for` of Python 3.11, by which redis-py sends, may lose a cancellation
_Result = Any  # of a command: what redis-py makes of the reply


class _Command(NamedTuple):
    args: tuple[Any, ...]
    options: dict[str, Any]
    result: "asyncio.Future[_Result]"


class BatchingRedis(Redis):
    """Sends the commands of one turn together: one connection, one write and one wake-up cost as much for all of them.

    Each command has its own reply or error, as if it were sent alone. A command of which the caller was cancelled
    before the turn ended is not sent. Pipelines and subscriptions are sent by themselves. None may block the connection
    (`BLPOP`, `WAIT`): the others would wait with it.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._turn: list[_Command] | None = None  # the commands of this turn
        self._sending: set[asyncio.Task[None]] = set()  # those of earlier turns

    async def execute_command(self, *args: Any, **options: Any) -> _Result:
        """Returns the result of a command. Raises redis-py's errors."""
        if self._turn is None:
            self._turn = []
            sending = asyncio.create_task(self._send(self._turn))
            self._sending.add(sending)
            sending.add_done_callback(partial(self._ended, self._turn))
        result = asyncio.get_running_loop().create_future()
        self._turn.append(_Command(args, options, result))
        return await result

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Cancels the commands under way and closes the connections, of which a command would make another one."""
        while self._sending:
            for each in self._sending:
                each.cancel()
            await asyncio.wait(self._sending, timeout=_CANCEL_AGAIN_S)
        await super().aclose(close_connection_pool)

    async def _send(self, commands: list[_Command]) -> None:
        self._turn = None
        wanted = [each for each in commands if not each.result.done()]
        if len(wanted) > 1:
            await self._send_together(wanted)
        else:
            await self._send_alone(wanted)

    def _ended(self, commands: list[_Command], sending: "asyncio.Task[None]") -> None:
        """Cancels the commands that are left if the sending was cancelled, perhaps before it began."""
        self._sending.discard(sending)
        if self._turn is commands:
            self._turn = None
        for each in commands:
            each.result.cancel()

    async def _send_together(self, commands: list[_Command]) -> None:
        try:
            async with self.pipeline(transaction=False) as pipe:
                for each in commands:
                    pipe.execute_command(*each.args, **each.options)
                replies = await pipe.execute(raise_on_error=False)
        except (ConnectionError, TimeoutError, OSError) as error:
            for each in commands:
                _end(each, type(error)(*error.args))
        except Exception:  # one can't be encoded: no other caller's fault
            await self._send_alone(commands)
        else:
            refused = []
            for each, reply in zip(commands, replies, strict=True):
                if isinstance(reply, ReadOnlyError):  # the client tries these again, but not those in a pipeline
                    refused.append(each)
                else:
                    _end(each, reply)
            await asyncio.gather(*(self._send_alone([each]) for each in refused))  # none waits until others give up

    async def _send_alone(self, commands: list[_Command]) -> None:
        for each in commands:
            try:
                _end(each, await super().execute_command(*each.args, **each.options))  # type: ignore[no-untyped-call]
            except Exception as error:
                # Without frames: who clears those of an error would end this coroutine, which is one of them.
                _end(each, error.with_traceback(None))


def _end(command: _Command, reply: _Result) -> None:
    if command.result.done():  # its caller was cancelled
        return
    if isinstance(reply, Exception):
        command.result.set_exception(reply)
    else:
        command.result.set_result(reply)
