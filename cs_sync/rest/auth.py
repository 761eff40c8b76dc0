"""Authentication as a description states it; texts in braces are settings of the connector."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import httpx
from pydantic import Field

from cs_sync.contracts.errors import ConfigError
from cs_sync.rest.expressions import Part, Template, fill_template, list_expressions
from cs_sync.rest.oauth import OAuthToken, QueryKey

Values = Mapping[str, Any]
Credential = tuple[dict[str, str], httpx.Auth | None]
"""Headers sent with every request, and what takes part in it."""


class CredentialRule(Part):
    """How requests are authenticated."""

    def list_templates(self) -> dict[str, str]:
        """Return the texts that name settings, by key."""
        texts: dict[str, str] = {}
        for key, value in self.model_dump().items():
            inside = value if isinstance(value, dict) else {}
            texts |= {f"{key}.{name}": each for name, each in inside.items()}
            texts |= {key: value} if isinstance(value, str) else {}
        return texts


class NoAuth(CredentialRule):
    """No credential."""

    kind: Literal["none"] = "none"

    def open(self, values: Values) -> Credential:  # noqa: ARG002
        """Return nothing to send."""
        return {}, None


class BearerAuth(CredentialRule):
    """`Authorization: Bearer TOKEN`, or with another word for `Bearer`."""

    kind: Literal["bearer"] = "bearer"
    token: Template
    scheme: str = "Bearer"

    def open(self, values: Values) -> Credential:
        """Return the header."""
        return {"Authorization": f"{self.scheme} {fill_template(self.token, values)}"}, None


class BasicAuth(CredentialRule):
    """User name and password."""

    kind: Literal["basic"] = "basic"
    username: Template
    password: Template = ""

    def open(self, values: Values) -> Credential:
        """Return httpx's own."""
        username, password = (
            str(fill_template(part, values) or "") for part in (self.username, self.password)
        )
        return {}, httpx.BasicAuth(username, password)


class HeaderAuth(CredentialRule):
    """Headers of the vendor's own names."""

    kind: Literal["header"] = "header"
    headers: dict[str, Template]

    def open(self, values: Values) -> Credential:
        """Return the headers."""
        return {name: str(fill_template(each, values)) for name, each in self.headers.items()}, None


class QueryAuth(CredentialRule):
    """A key in the query of every request."""

    kind: Literal["query"] = "query"
    param: str
    key: Template

    def open(self, values: Values) -> Credential:
        """Return what adds the key."""
        return {}, QueryKey(self.param, str(fill_template(self.key, values)))


class OAuthAuth(CredentialRule):
    """OAuth 2: client credentials, or a refresh token."""

    kind: Literal["client_credentials", "refresh_token"]
    token_url: Template = Field(description="A path below base_url, or a whole URL.")
    client_id: Template = "{client_id}"
    client_secret: Template = "{client_secret}"  # noqa: S105 - the name of a setting
    refresh_token: Template = "{refresh_token}"  # noqa: S105
    params: dict[str, Any] = Field({}, description="Further fields, such as the scope.")
    as_json: bool = False
    exchanges: bool = Field(
        default=False, description="Each refresh token is good for one use: the next one is kept."
    )

    def list_templates(self) -> dict[str, str]:
        """Return the texts that name settings; no refresh token without its kind."""
        texts = super().list_templates()
        if self.kind == "client_credentials":
            del texts["refresh_token"]
        return texts

    def open(self, values: Values) -> Credential:
        """Return what asks for tokens.

        Raises:
            ConfigError: Tokens are exchanged, and there is no place to keep the next one.
        """
        url = str(fill_template(self.token_url, values))
        if "://" not in url:
            url = f"{values['base_url']}/{url.lstrip('/')}"
        fields: dict[str, Any] = {"grant_type": self.kind, **self.params}
        names = ["client_id", "client_secret"]
        names += ["refresh_token"] if self.kind == "refresh_token" else []
        fields |= {name: getattr(self, name) for name in names}
        grant = {name: fill_template(each, values) for name, each in fields.items()}
        remedy = f"Check {', '.join(names)} of {values['section']}."
        keep = self._find_writer(values) if self.kind == "refresh_token" else None
        return {}, OAuthToken(url, grant, as_json=self.as_json, remedy=remedy, keep=keep)

    def _find_writer(self, values: Values) -> Callable[[str], None] | None:
        """Return what keeps an exchanged token in the setting that holds it."""
        setting = next(iter(list_expressions(self.refresh_token)), "")
        writer: Callable[[str], None] | None = values["secret_writers"].get(setting)
        if writer is None and self.exchanges:
            raise ConfigError(
                f"{values['section']}: the vendor exchanges its refresh token at every use, and"
                " the next one cannot be kept where this one is",
                f'keep it in a file: {setting} = "file:PATH"',
            )
        return writer


Auth = Annotated[
    NoAuth | BearerAuth | BasicAuth | HeaderAuth | QueryAuth | OAuthAuth,
    Field(discriminator="kind"),
]
