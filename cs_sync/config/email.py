"""Settings of e-mails: `[report.email]` and `[alerts.email]`."""

import re
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from cs_sync.contracts.http import is_loopback
from cs_sync.settings import Settings

_ADDRESS = re.compile(r"[^\s@,<>]+@[^\s@,<>]+")


class EmailSettings(Settings):
    """An e-mail that a run sends: the server, and from whom to whom."""

    model_config = ConfigDict(hide_input_in_errors=True)

    host: Annotated[str, Field(min_length=1)] = Field(
        examples=["smtp.example.com"], description="The mail server."
    )
    port: int = Field(default=587, ge=1, le=65535, description='Port; 465 for security = "tls".')
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="starttls, tls, or none for a server on this machine."
    )
    user: str | None = Field(
        default=None, examples=["cs-sync"], description="User name, if the server asks for one."
    )
    password: SecretStr | None = Field(
        default=None, examples=["env:SMTP_PASSWORD"], description="Password of that user."
    )
    sender: str = Field(
        alias="from", examples=["cs-sync@example.com"], description="Address of the sender."
    )
    to: tuple[str, ...] = Field(
        min_length=1,
        examples=[["head-of-cs@example.com"]],
        description="Addresses of the recipients.",
    )

    @field_validator("sender", "to")
    @classmethod
    def _are_addresses(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for text in (value,) if isinstance(value, str) else value:
            if not _ADDRESS.fullmatch(text):
                raise ValueError(
                    f'"{text}" is not an e-mail address; write it like name@example.com'
                )
        return value

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if self.security == "none" and not is_loopback(self.host):
            raise ValueError('security = "none" is for 127.0.0.1 and localhost only')
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password belong together; set both or neither")
        return self
