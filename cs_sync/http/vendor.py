"""VendorHttp: every request of one credential, through one budget, with typed errors."""

import logging
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import version
from ssl import SSLContext
from threading import BoundedSemaphore
from typing import Any

import httpx
import orjson

from cs_sync.contracts.errors import CsSyncError, Unreachable, VendorError
from cs_sync.contracts.events import Event
from cs_sync.contracts.http import Classify, Limit, Params, Shape, is_loopback
from cs_sync.http import answers, bounds, echo
from cs_sync.http.address import absolute, checked_base, follows, with_query
from cs_sync.http.answers import Answer, Broken, Call
from cs_sync.http.budget import Budget
from cs_sync.http.clock import steady_clock
from cs_sync.http.meter import Count, Meter
from cs_sync.http.quota import Quota, read_quota
from cs_sync.http.redact import Redactor, WithoutQuery
from cs_sync.http.retry import Again, Retry, backoff
from cs_sync.http.shapes import misfit, shape_of

LONGEST_WAIT = 900.0
"""Seconds: a quota that stays closed for longer ends the stream, which resumes next run."""
MOST_REDIRECTS = 5
_TIMEOUT, _CONNECT = 60.0, 10.0
_HEADERS = {
    "User-Agent": f"cs-sync/{version('customer-success-sync')}",
    "Accept-Encoding": bounds.ENCODINGS,
}

logging.getLogger("httpx").addFilter(WithoutQuery())


@cache
def _trusted() -> SSLContext:
    """The authorities that are trusted, read once: for every client it would take 20 ms."""
    return httpx.create_ssl_context()


class VendorHttp:
    """The host's Http: make one per credential, give connectors what `at` returns, close it.

    `name` is the connector's, for messages and events. `emit` hears "waiting" and "retrying".
    No more than `concurrency` requests run at once, whoever sends them; None: any number.
    `secrets` are masked in every error, beside those that requests are seen to carry.
    Tests inject `now` and `sleep` (see ManualClock), `rng` (0 ≤ x < 1) and a `client`.
    """

    def __init__(
        self,
        name: str,
        limits: Sequence[Limit] = (),
        *,
        emit: Callable[[Event], object] = lambda _event: None,
        now: Callable[[], datetime] | None = None,
        sleep: Callable[[float], object] = time.sleep,
        rng: Callable[[], float] = random.random,
        client: httpx.Client | None = None,
        concurrency: int | None = None,
        secrets: Iterable[str] = (),
    ) -> None:
        self.name = name
        self._now = now or steady_clock()
        self._rng = rng
        born = self._now()
        self._lanes = BoundedSemaphore(concurrency) if concurrency else nullcontext()
        self._budget = Budget(limits, lambda: (self._now() - born).total_seconds(), sleep)
        self._meter = Meter(name, emit, self._now)
        self._retry = Retry(self._now, sleep, rng)
        self._redact = Redactor()
        self._redact.remember(set(secrets))
        self._client = self._ready(client or _client(proxies=True))
        self._direct = self._client if client else self._ready(_client(proxies=False))
        self._base: httpx.URL | None = None
        self._headers: Mapping[str, str] = {}
        self._auth: httpx.Auth | None = None
        self._classify: Classify | None = None
        self._shapes: Sequence[Shape] = ()
        self._timeout = _seconds(_TIMEOUT)

    def _ready(self, client: httpx.Client) -> httpx.Client:
        """The client with bounds for its answers, and with an eye on what requests carry."""
        hooks = client.event_hooks
        client.event_hooks = {**hooks, "request": [*hooks["request"], self._redact.learn]}
        return bounds.bound(client)

    def __repr__(self) -> str:
        return f"<VendorHttp {self.name} at {self._base or 'no address'}>"

    def at(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        auth: httpx.Auth | None = None,
        classify: Classify | None = None,
        shapes: Sequence[Shape] = (),
        limits: Sequence[Limit] = (),
        timeout: float | None = None,
    ) -> "VendorHttp":
        """The same door and budget, with the vendor's address, credential and error dialect.

        `shapes` say what good answers contain: without them any 200 is taken for one.
        `limits` are those that follow from the configuration, beside the published ones.
        `timeout` is how many seconds to wait for the next part of an answer; None leaves it to
        the host.
        """
        door = copy(self)
        door._base = checked_base(self.name, base_url)
        door._budget.narrow(limits)
        door._headers, door._auth, door._classify = dict(headers or {}), auth, classify
        door._shapes = shapes
        door._redact.learn_headers(door._headers)
        door._timeout = _seconds(timeout or _TIMEOUT)
        return door

    def get(self, path: str, params: Params | None = None) -> Any:
        """The decoded JSON body of a GET."""
        return self._fetch(self._call("GET", path, params, {}, None, True, True))[1]

    def post(
        self, path: str, json: Any = None, *, params: Params | None = None, idempotent: bool = False
    ) -> Any:
        """The decoded JSON body of a POST; `json` None sends no body."""
        content = None if json is None else orjson.dumps(json)
        headers = {} if json is None else {"Content-Type": "application/json"}
        return self._fetch(self._call("POST", path, params, headers, content, idempotent, True))[1]

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | str | None = None,
        idempotent: bool | None = None,
    ) -> httpx.Response:
        """The whole response, already checked for errors; a path with a host is taken as it is.

        `idempotent` None means: only if the method is GET or HEAD. For vendors' SDKs to ride on.
        A JSON body is decoded once, here: it is `response.extensions["json"]`.
        """
        if idempotent is None:
            idempotent = method.upper() in ("GET", "HEAD")
        call = self._call(method.upper(), path, params, headers or {}, content, idempotent, False)
        return self._fetch(call)[0]

    def counting(self, stream: str = "") -> AbstractContextManager[Count]:
        """Count the requests and waits of this thread inside a `with`, and name its events.

        A pool inside a stream takes part by `contextvars.copy_context().run`.
        """
        return self._meter.counting(stream)

    @property
    def requests(self) -> int:
        """Requests sent so far, retries and redirects included."""
        return self._meter.total.requests

    @property
    def waited_seconds(self) -> float:
        """Seconds that threads have waited so far, added up."""
        return self._meter.total.waited_seconds

    def close(self) -> None:
        """Close all connections."""
        self._client.close()
        self._direct.close()

    def __enter__(self) -> "VendorHttp":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _call(
        self,
        method: str,
        path: str,
        params: Params | None,
        headers: Mapping[str, str],
        content: bytes | str | None,
        repeatable: bool,
        wants_json: bool,
    ) -> Call:
        url = absolute(self.name, self._base, path, guarded=bool(self._headers or self._auth))
        if params:
            url = with_query(url, params)
        accept = {"Accept": "application/json"} if wants_json else {}
        given = (*accept.items(), *self._headers.items(), *headers.items())
        merged = {name.lower(): value for name, value in given}
        wants_json = wants_json or "json" in merged.get("accept", "")
        return Call(self.name, method, url, merged, content, repeatable, wants_json)

    def _fetch(self, call: Call) -> Answer:
        def told(seconds: float, reason: str, attempt: int) -> None:
            self._meter.retries(seconds, self._redact.text(reason), attempt)

        try:
            return self._retry.run(lambda attempt: self._try(call, attempt), told)
        except CsSyncError as error:
            failure = self._redact.error(error)
        # A new start for the traceback: the old one leads to frames and causes with the key.
        failure.__cause__ = failure.__context__ = None
        raise failure.with_traceback(None)

    def _try(self, call: Call, attempt: int, hops: int = 0) -> Answer:
        sent, response = self._exchange(call)
        body = answers.decode(response, call)
        if body is Broken and (mended := answers.mended(response)):
            response, body = mended, answers.decode(mended, call)
        quota = read_quota(dict(response.headers.items()), self._now())
        place = (call.method, call.url.path)
        self._budget.answered(quota, good=response.is_success, method=place[0], path=place[1])
        target = follows(response, call) if hops < MOST_REDIRECTS else None
        if target is not None:
            return self._try(replace(call, url=target), attempt, hops + 1)
        if response.is_success and body is not Broken:
            response, body = self._without_secrets(call, response, body)
        meant = self._meant(response, body)
        if response.status_code == 429 and meant is None:
            self._throttled(call, response, body, quota, sent, attempt)
        if meant is None and response.is_success:
            meant = self._lacking(call, response, body)
        if meant is None and not response.is_success:
            meant = answers.refused(call, response, body)
        if meant is not None:
            raise self._again_if(call, meant, quota)
        response.extensions["json"] = body
        return response, body

    def _lacking(self, call: Call, response: httpx.Response, body: Any) -> VendorError | None:
        """The error of a good status without what the answer should have contained."""
        if body is Broken:
            return answers.broken(call, response)
        shape = shape_of(self._shapes, call.method, call.url.path)
        wrong = misfit(body, shape.body) if shape else ""
        return answers.misshapen(call, response, body, wrong) if wrong else None

    def _without_secrets(self, call: Call, response: httpx.Response, body: Any) -> Answer:
        """A good answer as connectors may see it, and so as it may be stored."""
        clean = self._redact.echo.masked((response, body), call.content)
        if clean is None:
            return response, body
        self._meter.warns(echo.warning(self.name))
        return clean

    def _exchange(self, call: Call) -> tuple[float, httpx.Response]:
        """When it was sent, and the response; lost and impossible requests become errors."""
        waits = self._waits(call)
        client = self._direct if is_loopback(call.url.host) else self._client
        with self._budget.place(call.method, call.url.path, waits) as place, self._lanes:
            sent = place.sent = self._budget.seconds()
            self._meter.sent()
            try:
                request = client.build_request(
                    call.method,
                    call.url,
                    headers=call.headers,
                    content=call.content,
                    timeout=self._timeout,
                )
                with bounds.within(bounds.LONGEST, self._budget.seconds):
                    response = client.send(request, auth=self._auth, follow_redirects=False)
                # The stream that was read through refers back to its response: left there, page
                # after page would stay in memory until the garbage collector comes round.
                response.stream = httpx.ByteStream(b"")
                return sent, response
            except httpx.RequestError as failure:
                error, again = answers.unanswered(call, failure)
            except UnicodeEncodeError:
                error, again = answers.unsendable(call), False
        raise Again(error) if again else error

    def _waits(self, call: Call) -> Callable[[float, str], None]:
        def announce(seconds: float, reason: str) -> None:
            if seconds > LONGEST_WAIT:
                raise answers.exhausted(call, self._now() + timedelta(seconds=seconds))
            self._meter.waits(seconds, reason)

        return announce

    def _meant(self, response: httpx.Response, body: Any) -> VendorError | None:
        """The connector's own reading of an answer, which goes before the reading by status."""
        if self._classify is None or body is Broken:
            return None
        return self._classify(response, body)

    def _throttled(
        self,
        call: Call,
        response: httpx.Response,
        body: Any,
        quota: Quota,
        sent: float,
        attempt: int,
    ) -> None:
        """Close the budget as long as the vendor says; always raises."""
        asked = quota.retry_after if quota.retry_after is not None else quota.reset
        wait = asked or backoff(attempt, self._rng)
        until = None if answers.is_daily(body) else self._now() + timedelta(seconds=wait)
        error = answers.throttled(call, response, body, until)
        if until is None or wait > LONGEST_WAIT:
            raise error
        self._budget.refused(
            call.method, call.url.path, sent=sent, wait=wait, everywhere=quota.everywhere
        )
        raise Again(error, throttled=True)

    def _again_if(self, call: Call, error: VendorError, quota: Quota) -> Exception:
        """Unreachable is worth another try, if sending twice does no harm."""
        if isinstance(error, Unreachable) and call.repeatable:
            return Again(error, pause=quota.retry_after)
        return error


def _client(*, proxies: bool) -> httpx.Client:
    """A client that goes by the environment's proxies, or by none."""
    return httpx.Client(headers=_HEADERS, verify=_trusted(), trust_env=proxies)


def _seconds(answer: float) -> httpx.Timeout:
    """A connection is there quickly or not at all, however long the answer may take."""
    return httpx.Timeout(answer, connect=min(_CONNECT, answer))
