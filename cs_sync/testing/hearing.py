"""Everything that is said while a connector runs, and what must not be in it."""

import contextlib
import io
import logging
from base64 import b64decode
from collections.abc import Iterable, Iterator

import httpx
from pydantic import BaseModel

from cs_sync.http import secrets_of
from cs_sync.testing.verdicts import must
from cs_sync.testing.wire import Exchange, Fault, Sent

ELSEWHERE = "elsewhere.example"


class Heard(logging.Handler):
    """Everything that was said: log lines, printed text, errors, events."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))
        self._texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line, with its traceback."""
        self._texts.append(self.format(record))

    def add(self, *things: object) -> None:
        """Keep how things look when they are printed."""
        for thing in things:
            self._texts += [repr(thing), str(thing)]

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Hear every logger at its most talkative, and what is printed."""
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

    def where(self, secret: str) -> str | None:
        """The first text with the secret in it, around the place."""
        for text in self._texts:
            place = text.find(secret)
            if place >= 0:
                return f"…{text[max(0, place - 80) : place]}[here]…"
        return None


def echoing(status: int) -> Fault:
    """Errors that repeat the request with its headers and body."""

    def fault(exchange: Exchange) -> httpx.Response:
        headers = dict(exchange.request.headers)
        key = headers.get("authorization", "")
        body = exchange.request.content.decode("utf-8", "replace")
        words = f"{status} for {key} in {headers} with {body}"
        told = {"message": words, "error": {"message": words, "type": key}, "detail": words}
        return httpx.Response(status, json=told, headers={"x-request-id": key[-40:]})

    return fault


def redirecting(_exchange: Exchange) -> httpx.Response:
    """Every answer points to another host."""
    return httpx.Response(307, headers={"Location": f"https://{ELSEWHERE}/here"})


def credentials(config: BaseModel, sent: Iterable[Sent]) -> set[str]:
    """What is secret: SecretStr of the configuration, and what requests carried as a key."""
    found = set(secrets_of(config))
    for one in sent:
        scheme, _, value = one.request.headers.get("authorization", "").partition(" ")
        found.add(value)
        if scheme.lower() == "basic":
            found.add(b64decode(value).decode().rpartition(":")[2])
    return {secret for secret in found if len(secret) > 3}


def must_hide(said: Heard, secrets: Iterable[str]) -> None:
    """Nothing secret is in what was said."""
    for secret in secrets:
        where = said.where(secret)
        must(where is None, f"a secret ({secret[:2]}…{secret[-2:]}) is in: {where}")


def must_not_show(config: BaseModel) -> None:
    """Printing a configuration in any way shows none of its secrets."""
    shown = repr(config) + str(config) + config.model_dump_json()
    must(not any(key in shown for key in secrets_of(config)), "the configuration shows a secret")
