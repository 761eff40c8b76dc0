"""Secrets stay where they belong: between the configuration and the vendor."""

import contextlib
import io
import logging
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import httpx
from pydantic import BaseModel, SecretStr

from cs_sync.contracts.errors import CsSyncError
from cs_sync.testing.syncing import SyncBench
from cs_sync.testing.verdicts import must, needs_network, not_applicable
from cs_sync.testing.wire import Exchange

ELSEWHERE = "elsewhere.example"


class SecretCases:
    """What holds for keys and tokens, whatever the vendor says."""

    def test_no_secret_in_any_log_line_error_or_row(self, bench: SyncBench) -> None:
        """The vendor repeats the key in its errors; it reaches no log, error, event or row."""
        needs_network(bench)
        bench.vendor.page_size = 20
        said = _Heard()
        with said.listening():
            bench.sync(keep_raw=True)
            for status in (400, 401, 403, 404, 500):
                run = bench.sync(_echoing(status), full=True, keep_raw=True)
                said.add(run.outcomes, run.events)
                with bench.opened(_echoing(status)) as source:
                    said.add(source, list(source.streams()))
                    with contextlib.suppress(CsSyncError):
                        said.add(*source.check())
        said.add(bench.config(), repr(bench.rows()), bench.path.read_bytes().decode("latin-1"))
        for secret in _secrets(bench):
            where = said.where(secret)
            must(where is None, f"a secret ({secret[:2]}…{secret[-2:]}) is in: {where}")

    def test_a_redirect_takes_no_key_along(self, bench: SyncBench) -> None:
        """A redirect to another host is not followed with the key."""
        needs_network(bench)
        headers = {"Location": f"https://{ELSEWHERE}/here"}
        run = bench.sync(lambda _sent: httpx.Response(307, headers=headers))
        strangers = [s.request for s in run.sent if s.request.url.host == ELSEWHERE]
        must(not strangers, f"{len(strangers)} requests follow a redirect to another host")
        failed = all(outcome.status == "failed" for outcome in run.outcomes.values())
        must(failed, "every answer is a redirect to another host, and a stream comes through")

    def test_its_configuration_hides_its_secrets(self, bench: SyncBench) -> None:
        """Keys are SecretStr, so that nothing prints them by accident."""
        needs_network(bench)
        keys = list(_configured(bench.config()))
        if not keys:
            not_applicable("it has no secret")
        shown = repr(bench.config()) + str(bench.config()) + bench.config().model_dump_json()
        must(not any(key in shown for key in keys), "the configuration shows a secret")


class _Heard(logging.Handler):
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


def _echoing(status: int) -> Any:
    """Errors that repeat the request with its headers and body."""

    def fault(exchange: Exchange) -> httpx.Response:
        headers = dict(exchange.request.headers)
        key = headers.get("authorization", "")
        body = exchange.request.content.decode("utf-8", "replace")
        words = f"{status} for {key} in {headers} with {body}"
        told = {"message": words, "error": {"message": words, "type": key}, "detail": words}
        return httpx.Response(status, json=told, headers={"x-request-id": key[-40:]})

    return fault


def _secrets(bench: SyncBench) -> set[str]:
    """What is secret: SecretStr in the configuration, and what was sent as a credential."""
    found = set(_configured(bench.config()))
    for sent in bench.wire.sent:
        scheme, _, value = sent.request.headers.get("authorization", "").partition(" ")
        found.add(value)
        if scheme.lower() == "basic":
            found.add(b64decode(value).decode().rpartition(":")[2])
    return {secret for secret in found if len(secret) > 3}


def _configured(config: BaseModel) -> Iterator[str]:
    for name in type(config).model_fields:
        value = getattr(config, name)
        if isinstance(value, SecretStr):
            yield value.get_secret_value()
        elif isinstance(value, BaseModel):
            yield from _configured(value)
