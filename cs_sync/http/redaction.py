"""Redaction of errors: credentials that were sent, and texts that look like one."""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import suppress
from hashlib import blake2b
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, quote

from pydantic import BaseModel, SecretStr

from cs_sync.contracts.errors import CsSyncError, VendorError
from cs_sync.http.response_masking import MASK, ResponseMasker

if TYPE_CHECKING:  # an alert's text is masked without a client
    import httpx

MIN_SECRET_LENGTH = 4
"""Shorter values are not taken for secrets: masking them would garble every message."""
DEEPEST, LONGEST = 20, 2000

_CREDENTIAL_NAMES = (
    r"auth(?!ors?\b|or_)|api[-_]?key|hapikey|secret|token|passw(?:or)?d|cookie|credential"
)
_SECRET_NAMES = rf"{_CREDENTIAL_NAMES}|signature"
_SECRET_NAME = re.compile(_SECRET_NAMES, re.IGNORECASE)
_PUBLIC_HEADER = re.compile(r"^(?:accept|content-type|user-agent)$|version$", re.IGNORECASE)
_CREDENTIAL = re.compile(_CREDENTIAL_NAMES, re.IGNORECASE)
"""A signature is of one request only: remembering each would make every request slower."""

_SCHEMES = ("basic", "bearer", "token")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.\w+")

_SECRET_PATTERN = re.compile(
    r"\b(?:[srp]k|rk|whsec|phx|phc|phs)_[A-Za-z0-9_\-]{4,}"
    r"|\bpat-[A-Za-z0-9\-]{4,}"
    r"|\beyJ[\w\-]+\.[\w\-]+\.[\w\-]*"
    r"|(?<=://)[^/\s@\"']+(?=@)"
    r"|(?<=\bBearer )[^\s\"',;]+|(?<=\bBasic )[A-Za-z0-9+/=_\-]{4,}"
    rf"|(?<=[?&;])[\w\-]*(?:{_SECRET_NAMES})[\w\-]*=[^&\s\"']*",
    re.IGNORECASE,
)

E = TypeVar("E", bound=CsSyncError)


class Redactor:
    """Masks one client's credentials in texts, bodies and errors.

    `echo` does the same for records, but masks only what authenticates us: records without a
    colleague's e-mail address or an account number would no longer be true.
    """

    def __init__(self) -> None:
        self.echo = ResponseMasker()
        self._learnt: frozenset[str] = frozenset()
        self._seen: frozenset[str] = frozenset()
        self._known: tuple[str, ...] = ()
        self._lock = Lock()

    def learn_request(self, request: "httpx.Request") -> None:
        """Remember the credentials of a request, from its headers or token fields."""
        secrets = {value for name, value in request.headers.items() if _CREDENTIAL.search(name)}
        secrets |= set(_read_token_secrets(request))
        if not secrets <= self._learnt:
            self.echo.add_secrets(
                {proof for value in secrets for proof in _authenticating_parts(value)}
            )
            self._add_forms(secrets)
            self._learnt |= secrets

    def learn_headers(self, headers: Mapping[str, str]) -> None:
        """Remember headers sent with every request: keys, whatever their names."""
        self._add_forms(
            {value for name, value in headers.items() if not _PUBLIC_HEADER.search(name)}
        )

    def add_secrets(self, secrets: Set[str]) -> None:
        """Mask these secrets from now on, in records too."""
        self.echo.add_secrets(secrets)
        self._add_forms(secrets)

    def _add_forms(self, secrets: Set[str]) -> None:
        with self._lock:
            self._seen |= secrets
            forms = {form for value in self._seen for form in _secret_forms(value)}
            self._known = tuple(sorted(forms, key=len, reverse=True))

    def redact_text(self, text: str) -> str:
        """Return the text with every secret masked."""
        for secret in self._known:
            text = text.replace(secret, MASK)
        return _SECRET_PATTERN.sub(MASK, text)

    def redact_value(self, value: Any, depth: int = 0) -> Any:
        """Redact a decoded JSON value.

        Secrets are masked, texts cut at 2,000 characters, levels below 20 left out.
        """
        if isinstance(value, str):
            return self.redact_text(value)[:LONGEST]
        if depth >= DEEPEST:
            return "…"
        if isinstance(value, dict):
            return {
                self.redact_text(str(key)): (
                    MASK
                    if isinstance(item, str) and _SECRET_NAME.search(str(key))
                    else self.redact_value(item, depth + 1)
                )
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self.redact_value(item, depth + 1) for item in value]
        return value

    def redact_error(self, error: E) -> E:
        """Mask every secret in all parts of the error; return it."""
        error.message, error.remedy = (
            self.redact_text(error.message),
            self.redact_text(error.remedy),
        )
        error.args = tuple(self.redact_value(arg) for arg in error.args)
        if isinstance(error, VendorError):
            error.body = self.redact_value(error.body)
            error.headers = self.redact_value(error.headers)
            error.request_id = error.request_id and self.redact_text(error.request_id)
        return error


def collect_secrets(config: Any) -> Iterator[str]:
    """Yield every SecretStr of a configuration, at any depth."""
    if isinstance(config, SecretStr):
        yield config.get_secret_value()
    elif isinstance(config, BaseModel):
        for name in type(config).model_fields:
            yield from collect_secrets(getattr(config, name))
    elif isinstance(config, Mapping):
        for value in config.values():
            yield from collect_secrets(value)


def digest_credential(connector: str, secrets: Iterable[str]) -> str:
    """Return a digest that names a credential without showing it."""
    digest = blake2b(connector.encode(), digest_size=16, person=b"cs-sync budget")
    for secret in sorted(secrets):
        digest.update(b"\0" + secret.encode())
    return digest.hexdigest()


def _secret_forms(value: str) -> Iterator[str]:
    """Yield the forms in which a credential may be echoed."""
    scheme, _, rest = value.partition(" ")
    bare = rest.strip() or value
    parts = [value, bare]
    if scheme.lower() == "basic":
        with suppress(binascii.Error, UnicodeDecodeError):
            parts += base64.b64decode(bare, validate=True).decode().split(":", 1)
    for part in parts:
        if len(part) >= MIN_SECRET_LENGTH:
            yield from (part, quote(part, safe=""))


def _authenticating_parts(value: str) -> Iterator[str]:
    """Yield the parts of a credential that authenticate, without names."""
    scheme, _, rest = value.partition(" ")
    bare = rest.strip() if scheme.lower() in _SCHEMES else value
    if scheme.lower() == "basic":
        with suppress(binascii.Error, UnicodeDecodeError):
            user, _, password = base64.b64decode(bare, validate=True).decode().partition(":")
            yield password or user
    if not _EMAIL.fullmatch(bare):
        yield bare


def _read_token_secrets(request: "httpx.Request") -> Iterator[str]:
    """Yield the secrets of a token request, sent as form or JSON."""
    kind = request.headers.get("content-type", "")
    try:
        if kind.startswith("application/x-www-form-urlencoded"):
            fields = parse_qsl(request.content.decode())
        elif kind.startswith("application/json") and b'"grant_type"' in request.content:
            fields = list(json.loads(request.content).items())
        else:
            return
    except (RuntimeError, ValueError, AttributeError):  # httpx.RequestNotRead is the first
        return
    for name, value in fields:
        if _SECRET_NAME.search(name) and isinstance(value, str):
            yield value
