"""Signatures of Standard Webhooks 1.0 (standardwebhooks.com): HMAC-SHA256, base64."""

import base64
import binascii
import hmac
from collections.abc import Callable, Generator
from datetime import datetime

import httpx
from pydantic import SecretStr

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64
"""Bytes of a key, as the specification bounds them."""


def decode_signing_key(secret: SecretStr) -> bytes:
    """Return the key inside a secret.

    Raises:
        ValueError: The secret is invalid; the text does not quote it.
    """
    text = secret.get_secret_value()
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(PREFIX) or not SHORTEST <= len(key) <= LONGEST:
        raise ValueError(
            f"must be {PREFIX} and the base64 of {SHORTEST} to {LONGEST} bytes; "
            "make one as the README of customer-success-sync-webhook shows"
        )
    return key


def sign_message(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """Return the value of `webhook-signature` for a body.

    Args:
        key: The signing key.
        message_id: The message's id.
        timestamp: When it is sent, in Unix seconds.
        body: The body.
    """
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


class WebhookAuth(httpx.Auth):
    """Signs every attempt anew: receivers refuse old timestamps, retries may be late."""

    requires_request_body = True

    def __init__(self, secret: SecretStr, clock: Callable[[], datetime]) -> None:
        self._key, self._clock = decode_signing_key(secret), clock

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the time and the signature."""
        timestamp = str(int(self._clock().timestamp()))
        signature = sign_message(
            self._key, request.headers["webhook-id"], timestamp, request.content
        )
        request.headers.update({"webhook-timestamp": timestamp, "webhook-signature": signature})
        yield request
