"""Secrets never leave in an error: what was sent as a credential, and what looks like one."""

import base64
import binascii
import logging
import re
from collections.abc import Iterator, Mapping, Set
from contextlib import suppress
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote

import httpx
from pydantic import BaseModel, SecretStr

from cs_sync.contracts.errors import CsSyncError, VendorError
from cs_sync.http.echo import MASK, Echo

SHORTEST = 4
"""Shorter values are not taken for secrets: masking them would garble every message."""
DEEPEST, LONGEST = 20, 2000

_LASTING = r"auth(?!ors?\b|or_)|api[-_]?key|hapikey|secret|token|passw(?:or)?d|cookie|credential"
_NAMES = rf"{_LASTING}|signature"
_SECRET_NAME = re.compile(_NAMES, re.IGNORECASE)
_PLAIN = re.compile(r"^(?:accept|content-type|user-agent)$|version$", re.IGNORECASE)
_CREDENTIAL = re.compile(_LASTING, re.IGNORECASE)
"""A signature is of one request only: remembering each would make every request slower."""

_SCHEMES = ("basic", "bearer", "token")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.\w+")

_LOOKS = re.compile(
    r"\b(?:[srp]k|rk|whsec|phx|phc|phs)_[A-Za-z0-9_\-]{4,}"
    r"|\bpat-[A-Za-z0-9\-]{4,}"
    r"|\beyJ[\w\-]+\.[\w\-]+\.[\w\-]*"
    r"|(?<=://)[^/\s@\"']+(?=@)"
    r"|(?<=\bBearer )[^\s\"',;]+|(?<=\bBasic )[A-Za-z0-9+/=_\-]{4,}"
    rf"|(?<=[?&;])[\w\-]*(?:{_NAMES})[\w\-]*=[^&\s\"']*",
    re.IGNORECASE,
)

E = TypeVar("E", bound=CsSyncError)


class Redactor:
    """Knows the credentials of one door, and takes them out of texts, bodies and errors.

    `echo` does the same for records, which lose only what proves who we are: without a colleague's
    address or an account's number they would no longer be true.
    """

    def __init__(self) -> None:
        self.echo = Echo()
        self._learnt: frozenset[str] = frozenset()
        self._seen: frozenset[str] = frozenset()
        self._known: tuple[str, ...] = ()
        self._lock = Lock()

    def learn(self, request: httpx.Request) -> None:
        """Remember what a request carries as a credential, in headers or in a token form."""
        found = {value for name, value in request.headers.items() if _CREDENTIAL.search(name)}
        if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            found |= set(_form_secrets(request))
        if not found <= self._learnt:
            self.echo.remember({proof for value in found for proof in _proofs(value)})
            self._mention(found)
            self._learnt |= found

    def learn_headers(self, headers: Mapping[str, str]) -> None:
        """Remember what a door sends along with every request: keys, whatever they are called."""
        self._mention({value for name, value in headers.items() if not _PLAIN.search(name)})

    def remember(self, secrets: Set[str]) -> None:
        """Mask these from now on, in records, too."""
        self.echo.remember(secrets)
        self._mention(secrets)

    def _mention(self, found: Set[str]) -> None:
        with self._lock:
            self._seen |= found
            forms = {form for value in self._seen for form in _forms(value)}
            self._known = tuple(sorted(forms, key=len, reverse=True))

    def text(self, text: str) -> str:
        """The text with every secret masked."""
        for secret in self._known:
            text = text.replace(secret, MASK)
        return _LOOKS.sub(MASK, text)

    def value(self, value: Any, depth: int = 0) -> Any:
        """A decoded JSON value with every secret masked, long texts cut, deep ends left out."""
        if isinstance(value, str):
            return self.text(value)[:LONGEST]
        if depth >= DEEPEST:
            return "…"
        if isinstance(value, dict):
            return {
                self.text(str(key)): (
                    MASK
                    if isinstance(held, str) and _SECRET_NAME.search(str(key))
                    else self.value(held, depth + 1)
                )
                for key, held in value.items()
            }
        if isinstance(value, list):
            return [self.value(held, depth + 1) for held in value]
        return value

    def error(self, error: E) -> E:
        """The same error with every secret masked, wherever it was kept."""
        error.message, error.remedy = self.text(error.message), self.text(error.remedy)
        error.args = tuple(self.value(arg) for arg in error.args)
        if isinstance(error, VendorError):
            error.body = self.value(error.body)
            error.headers = self.value(error.headers)
            error.request_id = error.request_id and self.text(error.request_id)
        return error


class WithoutQuery(logging.Filter):
    """Keeps queries, with their keys and e-mail addresses, out of httpx's own log lines."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every line pass, its addresses shortened."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                arg.copy_with(query=None) if isinstance(arg, httpx.URL) else arg
                for arg in record.args
            )
        return True


def secrets_of(config: Any) -> Iterator[str]:
    """Every SecretStr of a configuration, however deep it stands."""
    if isinstance(config, SecretStr):
        yield config.get_secret_value()
    elif isinstance(config, BaseModel):
        for name in type(config).model_fields:
            yield from secrets_of(getattr(config, name))
    elif isinstance(config, Mapping):
        for value in config.values():
            yield from secrets_of(value)


def _forms(value: str) -> Iterator[str]:
    """The guises in which a credential may come back."""
    scheme, _, rest = value.partition(" ")
    bare = rest.strip() or value
    parts = [value, bare]
    if scheme.lower() == "basic":
        with suppress(binascii.Error, UnicodeDecodeError):
            parts += base64.b64decode(bare, validate=True).decode().split(":", 1)
    for part in parts:
        if len(part) >= SHORTEST:
            yield from (part, quote(part, safe=""))


def _proofs(value: str) -> Iterator[str]:
    """What of a credential proves who we are; a name or an address only says it."""
    scheme, _, rest = value.partition(" ")
    bare = rest.strip() if scheme.lower() in _SCHEMES else value
    if scheme.lower() == "basic":
        with suppress(binascii.Error, UnicodeDecodeError):
            user, _, password = base64.b64decode(bare, validate=True).decode().partition(":")
            yield password or user
    if not _ADDRESS.fullmatch(bare):
        yield bare


def _form_secrets(request: httpx.Request) -> Iterator[str]:
    try:
        content = request.content.decode()
    except (httpx.RequestNotRead, UnicodeDecodeError):
        return
    for name, value in parse_qsl(content):
        if _SECRET_NAME.search(name):
            yield value
