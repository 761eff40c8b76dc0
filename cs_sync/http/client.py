"""VendorHttp: all requests of one credential, with one rate limiter and typed errors."""

import logging
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import version
from ssl import SSLContext
from threading import BoundedSemaphore
from typing import Any, TypeVar

import httpx
import orjson
from msgspec.structs import replace

from cs_sync.contracts.errors import CsSyncError, Unreachable, VendorError
from cs_sync.contracts.events import Event
from cs_sync.contracts.http import Classify, Limit, Params, ResponseNames, Shape, is_loopback
from cs_sync.http import bounds
from cs_sync.http import errors as answers
from cs_sync.http import response_masking as echo
from cs_sync.http.clock import make_monotonic_clock
from cs_sync.http.errors import Answer, Call, InvalidJson
from cs_sync.http.json_lines import fold_response
from cs_sync.http.log_filter import QueryLogFilter
from cs_sync.http.rate_limit_headers import RateLimitInfo, read_rate_limit_headers
from cs_sync.http.rate_limiter import RateLimiter
from cs_sync.http.redaction import Redactor
from cs_sync.http.request_budget import MakeBudget
from cs_sync.http.retry import RequestRetrier, RetryableFailure, calculate_backoff
from cs_sync.http.shapes import describe_mismatch, find_shape, holds_records
from cs_sync.http.stats import RequestStats, StatsRecorder
from cs_sync.http.urls import get_redirect_target, parse_base_url, replace_query, resolve_url

T = TypeVar("T")

MAX_WAIT_SECONDS = 900.0
"""Seconds: a quota that stays closed for longer ends the stream, which resumes next run."""
MAX_REDIRECTS = 5
_TIMEOUT, _CONNECT = 60.0, 10.0
_CONNECTIONS = httpx.Limits(max_connections=100, max_keepalive_connections=100)
"""As many are kept open as may be: by default only twenty are, and the others are made anew."""
_HEADERS = {
    "User-Agent": f"cs-sync/{version('customer-success-sync')}",
    "Accept-Encoding": bounds.ENCODINGS,
}

logging.getLogger("httpx").addFilter(QueryLogFilter())


@cache
def _load_ssl_context() -> SSLContext:
    """Load the trusted certificate authorities once.

    Per client it would take 20 ms.
    """
    return httpx.create_ssl_context()


class VendorHttp:
    """The host's Http: one per credential; connectors get the result of `at`; close it.

    Tests inject `now` and `sleep` (see ManualClock), `rng` (0 ≤ x < 1) and a `client`.

    Args:
        name: The connector, for messages and events.
        limits: The vendor's published limits.
        emit: Receives the events "waiting" and "retrying".
        concurrency: Maximum of simultaneous requests over all threads; None for no maximum.
        secrets: Masked in every error, beside the credentials found in requests.
        make_budget: Makes the budget; by default one of this process.
    """

    def __init__(  # noqa: PLR0913 - all but two are keywords with defaults, most for tests
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
        make_budget: MakeBudget | None = None,
    ) -> None:
        self.name = name
        self._now = now or make_monotonic_clock()
        self._rng = rng
        born = self._now()
        self._lanes = BoundedSemaphore(concurrency) if concurrency else nullcontext()
        make = make_budget or RateLimiter
        self._budget = make(limits, lambda: (self._now() - born).total_seconds(), sleep)
        self._meter = StatsRecorder(name, emit, self._now)
        self._retry = RequestRetrier(self._now, sleep, rng)
        self._redact = Redactor()
        self._redact.add_secrets(set(secrets))
        self._client = self._prepare_client(client or _make_client(proxies=True))
        self._direct = self._client if client else self._prepare_client(_make_client(proxies=False))
        self._base: httpx.URL | None = None
        self._headers: Mapping[str, str] = {}
        self._auth: httpx.Auth | None = None
        self._classify: Classify | None = None
        self._shapes: Sequence[Shape] = ()
        self._names = ResponseNames()
        self._timeout = _make_timeout(_TIMEOUT)

    def _prepare_client(self, client: httpx.Client) -> httpx.Client:
        """Limit the client's responses and watch its requests for credentials; return it."""
        hooks = client.event_hooks
        client.event_hooks = {**hooks, "request": [*hooks["request"], self._redact.learn_request]}
        return bounds.limit_responses(client)

    def __repr__(self) -> str:
        return f"<VendorHttp {self.name} at {self._base or 'no address'}>"

    def at(  # noqa: PLR0913 - as the contract has it
        self,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        auth: httpx.Auth | None = None,
        classify: Classify | None = None,
        shapes: Sequence[Shape] = (),
        limits: Sequence[Limit] = (),
        names: ResponseNames | None = None,
        timeout: float | None = None,
    ) -> "VendorHttp":
        """Return a client at this address, sharing the rate limiter.

        Args:
            base_url: The vendor's address.
            headers: Sent with every request.
            auth: The credential.
            classify: Maps a response to the vendor's error; None decides by status.
            shapes: The expected content of good responses; without them any 200 is accepted.
            limits: Limits that follow from the configuration, beside the published ones.
            names: The vendor's own names of headers and fields; None if all are standard.
            timeout: Seconds to wait for the next part of a response; None for the host's
                default.

        Raises:
            ConfigError: A credential must not be sent to this address.
        """
        bound = copy(self)
        bound._base = parse_base_url(self.name, base_url)
        bound._budget.add_limits(limits)
        bound._headers, bound._auth, bound._classify = dict(headers or {}), auth, classify
        bound._shapes, bound._names = shapes, names or ResponseNames()
        bound._redact.learn_headers(bound._headers)
        bound._timeout = _make_timeout(timeout or _TIMEOUT)
        return bound

    def redact(self, text: str) -> str:
        """Return the text with every secret masked."""
        return self._redact.redact_text(text)

    def warn(self, message: str) -> None:
        """Emit a warning with every secret masked; repeated ones once."""
        self._meter.emit_warning(self.redact(message))

    def get(self, path: str, params: Params | None = None) -> Any:
        """Return the decoded JSON body of a GET."""
        url = self._resolve(path, params)
        return self._fetch(
            self._build_call("GET", url, {}, None, repeatable=True, wants_json=True)
        )[1]

    def post(
        self, path: str, json: Any = None, *, params: Params | None = None, idempotent: bool = False
    ) -> Any:
        """Return the decoded JSON body of a POST.

        Args:
            path: A path below the base URL, or a full URL.
            json: The document to send; None sends no body.
            params: Query parameters.
            idempotent: Whether it may be retried.
        """
        content = None if json is None else orjson.dumps(json)
        headers = {} if json is None else {"Content-Type": "application/json"}
        url = self._resolve(path, params)
        call = self._build_call(
            "POST", url, headers, content, repeatable=idempotent, wants_json=True
        )
        return self._fetch(call)[1]

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
        """Return the whole response, checked for errors; meant for vendors' SDKs.

        A JSON body is decoded once, here: it is `response.extensions["json"]`; beside it,
        "attempt" counts from 1.

        Args:
            method: The HTTP method.
            path: A path below the base URL; a full URL is used as it is.
            params: Query parameters.
            headers: Further headers.
            content: The body.
            idempotent: Whether it may be retried; None means GET and HEAD only.
        """
        if idempotent is None:
            idempotent = method.upper() in ("GET", "HEAD")
        url = self._resolve(path, params)
        call = self._build_call(
            method.upper(), url, headers or {}, content, repeatable=idempotent, wants_json=False
        )
        return self._fetch(call)[0]

    def fold_lines(
        self, path: str, fold: Callable[[Iterator[Any]], T], params: Params | None = None
    ) -> T:
        """Return what a function makes of a GET's JSON Lines.

        Args:
            path: A path below the base URL; a full URL is used as it is.
            fold: Takes the documents as they arrive; called again where a read breaks off.
            params: Query parameters.
        """
        url = self._resolve(path, params)
        call = self._build_call("GET", url, {}, None, repeatable=True, wants_json=False)
        folded: T = self._fetch(replace(call, fold=fold))[0].extensions["folded"]
        return folded

    def count_requests(self, stream: str = "") -> AbstractContextManager[RequestStats]:
        """Count this thread's requests and waits in a `with` block.

        A thread pool inside a stream takes part by `contextvars.copy_context().run`.
        """
        return self._meter.count_requests(stream)

    @property
    def requests(self) -> int:
        """Requests sent so far, including retries and redirects."""
        return self._meter.total.requests

    @property
    def waited_seconds(self) -> float:
        """Seconds waited so far, summed over all threads."""
        return self._meter.total.waited_seconds

    def close(self) -> None:
        """Close all connections."""
        self._client.close()
        self._direct.close()

    def __enter__(self) -> "VendorHttp":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _resolve(self, path: str, params: Params | None) -> httpx.URL:
        url = resolve_url(self.name, self._base, path, guarded=bool(self._headers or self._auth))
        return replace_query(url, params) if params else url

    def _build_call(
        self,
        method: str,
        url: httpx.URL,
        headers: Mapping[str, str],
        content: bytes | str | None,
        *,
        repeatable: bool,
        wants_json: bool,
    ) -> Call:
        accept = {"Accept": "application/json"} if wants_json else {}
        header_pairs = (*accept.items(), *self._headers.items(), *headers.items())
        merged = {name.lower(): value for name, value in header_pairs}
        wants_json = wants_json or "json" in merged.get("accept", "")
        return Call(
            self.name, method, url, merged, content, repeatable, wants_json, self._names.request_id
        )

    def _fetch(self, call: Call) -> Answer:
        def report_retry(seconds: float, reason: str, attempt: int) -> None:
            self._meter.record_retry(seconds, self._redact.redact_text(reason), attempt)

        try:
            return self._retry.run(lambda attempt: self._try(call, attempt), report_retry)
        except CsSyncError as error:
            failure = self._redact.redact_error(error)
        # A new start for the traceback: the old one leads to frames and causes with the key.
        failure.__cause__ = failure.__context__ = None
        self._meter.record_failure(failure)
        raise failure.with_traceback(None)

    def _try(self, call: Call, attempt: int, hops: int = 0) -> Answer:
        sent, response = self._send_request(call)
        body = answers.decode_body(response, call)
        if body is InvalidJson and (mended := answers.repair_json(response)):
            response, body = mended, answers.decode_body(mended, call)
        quota = read_rate_limit_headers(response.headers, self._now(), self._names)
        place = (call.method, call.url.path)
        self._budget.record_response(
            quota, good=response.is_success, method=place[0], path=place[1]
        )
        target = get_redirect_target(response, call) if hops < MAX_REDIRECTS else None
        if target is not None:
            return self._try(replace(call, url=target), attempt, hops + 1)
        if response.is_success and body is not InvalidJson:
            response, body = self._mask_secrets(call, response, body)
        meant = self._classify_response(response, body)
        if response.status_code == 429 and meant is None:
            self._raise_throttled(call, response, body, quota, sent, attempt)
        if meant is None and response.is_success:
            meant = self._check_shape(call, response, body)
            if meant is not None and holds_records(body):
                raise meant  # it has what was asked for, under other names: it always will
        if meant is None and not response.is_success:
            meant = answers.refused_error(call, response, body)
        if meant is not None:
            raise self._as_retryable(call, meant, quota)
        response.extensions |= {"json": body, "attempt": attempt}
        return response, body

    def _check_shape(self, call: Call, response: httpx.Response, body: Any) -> VendorError | None:
        """Return the error of a good status with an incomplete body."""
        if body is InvalidJson:
            return answers.invalid_json_error(call, response)
        shape = find_shape(self._shapes, call.method, call.url.path)
        wrong = describe_mismatch(body, shape.body) if shape else ""
        return answers.wrong_shape_error(call, response, body, wrong) if wrong else None

    def _mask_secrets(self, call: Call, response: httpx.Response, body: Any) -> Answer:
        """Mask our secrets in a good response.

        Connectors and storage get nothing else.
        """
        clean = self._redact.echo.mask_response((response, body), call.content)
        self._warn_if_masked(clean is not None)
        return clean or (response, body)

    def _warn_if_masked(self, masked: bool) -> None:  # noqa: FBT001 - what was found
        if masked:
            self._meter.emit_warning(echo.masking_warning(self.name))

    def _send_request(self, call: Call) -> tuple[float, httpx.Response]:
        """Send a request; return when it was sent, and the response.

        Raises:
            RetryableFailure: The request was lost and may be repeated.
            CsSyncError: It was lost, or cannot be sent.
        """
        waits = self._make_announcer(call)
        client = self._direct if is_loopback(call.url.host) else self._client
        with self._budget.reserve(call.method, call.url.path, waits) as permit, self._lanes:
            sent = permit.sent = self._budget.begin_request(call.method, call.url.path, waits)
            self._meter.count_request()
            try:
                request = client.build_request(
                    call.method,
                    call.url,
                    headers=call.headers,
                    content=call.content,
                    timeout=self._timeout,
                )
                with bounds.time_limit(bounds.MAX_SECONDS, self._budget.read_clock):
                    response = client.send(
                        request, auth=self._auth, follow_redirects=False, stream=bool(call.fold)
                    )
                    if call.fold:
                        response, masked = fold_response(response, call.fold, self._redact.echo)
                        self._warn_if_masked(masked)
                # The stream that was read through refers back to its response: left there, page
                # after page would stay in memory until the garbage collector comes round.
                response.stream = httpx.ByteStream(b"")
                return sent, response
            except httpx.RequestError as failure:
                error, again = answers.classify_failure(call, failure)
            except UnicodeEncodeError:
                error, again = answers.unsendable_error(call), False
            except Unreachable as failure:  # of a fold that finds the answer wanting
                error, again = failure, True
        raise RetryableFailure(error) if again else error

    def _make_announcer(self, call: Call) -> Callable[[float, str], None]:
        def announce(seconds: float, reason: str) -> None:
            if seconds > MAX_WAIT_SECONDS:
                raise answers.exhausted_error(call, self._now() + timedelta(seconds=seconds))
            self._meter.record_wait(seconds, reason)

        return announce

    def _classify_response(self, response: httpx.Response, body: Any) -> VendorError | None:
        """Return the connector's reading of a response, which precedes that by status."""
        if self._classify is None or body is InvalidJson:
            return None
        return self._classify(response, body)

    def _raise_throttled(
        self,
        call: Call,
        response: httpx.Response,
        body: Any,
        quota: RateLimitInfo,
        sent: float,
        attempt: int,
    ) -> None:
        """Close the rate limiter for as long as the vendor says.

        Always raises.
        """
        requested_wait = quota.retry_after if quota.retry_after is not None else quota.reset
        wait = requested_wait or calculate_backoff(attempt, self._rng)
        until = self._now() + timedelta(seconds=wait)
        error = answers.throttled_error(call, response, body, until)
        if wait > MAX_WAIT_SECONDS:
            raise error
        self._budget.record_refusal(
            call.method, call.url.path, sent=sent, wait=wait, everywhere=quota.everywhere
        )
        raise RetryableFailure(error, throttled=True)

    def _as_retryable(self, call: Call, error: VendorError, quota: RateLimitInfo) -> Exception:
        """Return the exception to raise, retryable if sending twice is harmless."""
        if isinstance(error, Unreachable) and call.repeatable:
            return RetryableFailure(error, pause=quota.retry_after)
        return error


def _make_client(*, proxies: bool) -> httpx.Client:
    """Return a client that uses the environment's proxies, or none."""
    return httpx.Client(
        headers=_HEADERS, verify=_load_ssl_context(), trust_env=proxies, limits=_CONNECTIONS
    )


def _make_timeout(answer: float) -> httpx.Timeout:
    """Return the time-outs: short to connect, long to read."""
    return httpx.Timeout(answer, connect=min(_CONNECT, answer))
