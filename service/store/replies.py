"""How the replies of a store are read."""

from redis._parsers.hiredis import NOT_ENOUGH_DATA, _AsyncHiredisParser
from redis.exceptions import ConnectionError


class ReplyParser(_AsyncHiredisParser):
    """redis-py's parser, which looks at a connection before each command without waiting for a turn of the event loop.

    redis-py's own reads from the connection with a time limit of 0, which takes a sixth of the time of a command.
    """

    async def can_read_destructive(self) -> bool:
        """Returns whether the connection has replies that nobody read: it is not fit for another command.

        Raises ConnectionError if the server has closed it.
        """
        stream, reader = self._stream, self._reader
        if stream is None or reader is None or stream.at_eof() or stream.exception() is not None:
            raise ConnectionError("the server closed the connection")
        return bool(stream._buffer) or reader.gets() is not NOT_ENOUGH_DATA
