"""Settings of `[connectors.webhook]`."""

import re
from collections.abc import Mapping

import httpx
from pydantic import ConfigDict, Field, SecretStr, field_validator

from cs_sync import ConnectorConfig, is_loopback
from cs_sync_webhook.signature import decode_signing_key

RESERVED = frozenset({"content-length", "content-type", "host", "transfer-encoding"})
"""Headers that the message itself decides on, beside those that begin with `webhook-`."""

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\x21-\x7e]+(?:[ \t]+[\x21-\x7e]+)*")


class WebhookConfig(ConnectorConfig):
    """The URL to post to, and the secret that authenticates messages."""

    model_config = ConfigDict(hide_input_in_errors=True)

    base_url: str = Field(
        alias="url", description="Where to post: https, or plain http on this machine."
    )
    signing_secret: SecretStr = Field(
        description="Shared with the receiver: whsec_ and 24 to 64 random bytes in base64."
    )
    headers: Mapping[str, SecretStr] = Field(
        default_factory=dict, description="Sent along, for what stands before the receiver."
    )
    timeout: float = Field(
        default=20.0, gt=0, le=120, description="Seconds to wait for the receiver's answer."
    )
    concurrency: int = Field(
        default=50, ge=1, le=100, description="Messages on their way at once, of as many accounts."
    )
    max_per_second: int | None = Field(
        default=None, ge=1, examples=[50], description="Messages a second, if the receiver has one."
    )

    @field_validator("base_url")
    @classmethod
    def _safe(cls, text: str) -> str:
        try:
            url = httpx.URL(text.strip())
        except httpx.InvalidURL:
            raise ValueError("not an address; write it like https://example.com/hook") from None
        if url.userinfo:
            raise ValueError("carries a credential; put it into headers of this section")
        if not url.host or not (
            url.scheme == "https" or (url.scheme == "http" and is_loopback(url.host))
        ):
            raise ValueError(
                "must be an https:// address; begin it with https:// "
                "(http:// is for 127.0.0.1 and localhost only)"
            )
        return str(url.copy_with(fragment=None))

    @field_validator("signing_secret")
    @classmethod
    def _strong(cls, secret: SecretStr) -> SecretStr:
        decode_signing_key(secret)
        return secret

    @field_validator("headers")
    @classmethod
    def _sendable(cls, headers: Mapping[str, SecretStr]) -> Mapping[str, SecretStr]:
        for name, value in headers.items():
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is not a name of a header; use letters, digits and -")
            if name.lower() in RESERVED or name.lower().startswith("webhook-"):
                raise ValueError(f"{name} is set by cs-sync itself; remove it")
            if not _VALUE.fullmatch(value.get_secret_value()):
                raise ValueError(
                    f"the value of {name} cannot be sent; look for line breaks and stray characters"
                )
        return headers
