"""`/v1/callbacks/secret`: the secret with which the callbacks of the caller's jobs are signed."""

from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from redis.asyncio import Redis

from service.api.access import caller_of, needs
from service.api.problems import documented
from service.jobs import callback_secret
from service.store.installations import installation_secret


class CallbackSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A secret of Standard Webhooks: `whsec_` and its bytes in base64."""

    secret: str


@get(
    "/v1/callbacks/secret",
    operation_id="showCallbackSecret",
    summary="Show the secret of callbacks",
    opt=needs("submit"),
    tags=["jobs"],
    response_description="The secret.",
    responses=documented(400, 401, 403, 503),
)
async def show_callback_secret(
    request: Request[Any, Any, Any], redis: NamedDependency[Redis]
) -> Response[CallbackSecret]:
    """Shows the secret with which the posts to the `callback_url` of this key's jobs are signed.

    Each key has its own. The signature is that of Standard Webhooks, in the headers `webhook-id`, `webhook-timestamp`
    and `webhook-signature`.
    """
    secret = callback_secret(await installation_secret(redis), caller_of(request, None).name)
    return Response(CallbackSecret(secret=secret), headers={"Cache-Control": "no-store"})
