"""Leak detector: all output of a running connector, searched for secrets."""

import contextlib
import io
import json
import logging
import re
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

import httpx
from pydantic import BaseModel

from cs_sync.http import collect_secrets
from cs_sync.testing.assertions import require
from cs_sync.testing.fault_transport import Exchange, Fault, SentRequest

OTHER_HOST = "elsewhere.example"
_CREDENTIAL = re.compile(r"key|token|secret|passw|auth|signature", re.IGNORECASE)
"""Names of headers, parameters and fields under which credentials are sent."""


class OutputCapture(logging.Handler):
    """Captured output: log lines, printed text, errors, events."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))
        self._texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one log line with its traceback."""
        self._texts.append(self.format(record))

    def add(self, *things: object) -> None:
        """Keep the printed forms of these objects."""
        for thing in things:
            self._texts += [repr(thing), str(thing)]

    @contextlib.contextmanager
    def capture(self) -> Iterator[None]:
        """Capture every logger at DEBUG, and printed text."""
        root = logging.getLogger()
        level, printed = root.level, io.StringIO()
        root.addHandler(self)
        root.setLevel(logging.DEBUG)
        try:
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                yield
        finally:
            root.setLevel(level)
            root.removeHandler(self)
            self._texts.append(printed.getvalue())

    def find_secret(self, secret: str) -> str | None:
        """Find the text around the secret's first appearance.

        None if there is none.
        """
        for text in self._texts:
            place = text.find(secret)
            if place >= 0:
                return f"…{text[max(0, place - 80) : place]}[here]…"
        return None


def echo_request(status: int) -> Fault:
    """Respond with an error that repeats the request's headers and body."""

    def fault(exchange: Exchange) -> httpx.Response:
        headers = dict(exchange.request.headers)
        key = headers.get("authorization", "")
        body = exchange.request.content.decode("utf-8", "replace")
        words = f"{status} for {key} in {headers} with {body}"
        payload = {"message": words, "error": {"message": words, "type": key}, "detail": words}
        return httpx.Response(status, json=payload, headers={"x-request-id": key[-40:]})

    return fault


def redirect_elsewhere(_exchange: Exchange) -> httpx.Response:
    """Redirect every request to another host."""
    return httpx.Response(307, headers={"Location": f"https://{OTHER_HOST}/here"})


def collect_credentials(config: BaseModel, sent: Iterable[SentRequest]) -> set[str]:
    """Return the secrets: SecretStr of the configuration, and keys sent in requests."""
    credentials = set(collect_secrets(config))
    for exchange in sent:
        scheme, _, value = exchange.request.headers.get("authorization", "").partition(" ")
        credentials.add(value)
        if scheme.lower() == "basic":
            credentials.add(b64decode(value).decode().rpartition(":")[2])
    return {secret for secret in credentials if len(secret) > 3}


def find_plain_credentials(config: BaseModel, sent: Iterable[SentRequest]) -> list[str]:
    """Return the plain-text settings that are sent as a credential."""
    requests = [exchange.request for exchange in sent]
    credentials = {value for request in requests for value in _list_credentials(request)}
    return [
        name
        for name, value in _walk_settings(config.model_dump())
        if isinstance(value, str) and len(value) > 3 and value in credentials
    ]


def _list_credentials(request: httpx.Request) -> Iterator[str]:
    """Yield what a request sends as a credential.

    It is known by its scheme, or by the name that it stands under.
    """
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    yield value or scheme
    if scheme.lower() == "basic":
        user, _, password = b64decode(value).decode().partition(":")
        yield password if len(password) > 3 else user
    content = request.content.decode("utf-8", "replace")
    pairs = [*request.headers.items(), *request.url.params.multi_items(), *parse_qsl(content)]
    with contextlib.suppress(ValueError):
        body = json.loads(content)
        pairs += list(body.items()) if isinstance(body, dict) else []
    yield from (text for name, text in pairs if _CREDENTIAL.search(name) and isinstance(text, str))


def _walk_settings(settings: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _walk_settings(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def assert_hidden(output: OutputCapture, secrets: Iterable[str]) -> None:
    """Fail if a secret is in the captured output."""
    for secret in secrets:
        where = output.find_secret(secret)
        require(where is None, f"a secret ({secret[:2]}…{secret[-2:]}) is in: {where}")


def assert_config_hides_secrets(config: BaseModel) -> None:
    """Fail if printing a configuration in any form reveals a secret."""
    shown = repr(config) + str(config) + config.model_dump_json()
    require(
        not any(key in shown for key in collect_secrets(config)), "the configuration shows a secret"
    )
