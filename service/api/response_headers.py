"""Headers of every response, errors included, that tell browsers what they must not do with it."""

from litestar.types import Message, Send

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_ENCODED = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]


def with_security_headers(send: Send) -> Send:
    """Returns a `send` that adds the headers to the response; one that the response has itself stays."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = [(name.lower(), value) for name, value in message.get("headers", ())]
            names = {name for name, _ in own}
            message["headers"] = [*own, *((name, value) for name, value in _ENCODED if name not in names)]
        await send(message)

    return send_with_headers
