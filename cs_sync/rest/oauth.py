"""Credentials that take part in every request: OAuth 2 tokens, and keys in the query."""

import threading
import time
from collections.abc import Callable, Generator, Mapping
from typing import Any

import httpx

from cs_sync.contracts.errors import CredentialRefused

LIFETIME = 3600.0
"""Seconds for which a token is used whose answer does not say how long it is valid."""
MARGIN = 120.0
"""A token that ends within so many seconds is renewed before it is used."""

Flow = Generator[httpx.Request, httpx.Response, None]


class OAuthToken(httpx.Auth):
    """An access token by client credentials or refresh token, one for all threads.

    RFC 6749, sections 4.4 and 6. A refused token is renewed once. Where the vendor exchanges the
    refresh token, the new one is kept before it is used.

    Args:
        url: Where tokens are given.
        grant: The fields of the request for one.
        as_json: Whether they are sent as JSON; otherwise as a form.
        remedy: What to do where none is given.
        keep: Keeps a refresh token that was exchanged; without it, it lives with the process.
        clock: Returns seconds, for tests.
    """

    requires_response_body = True

    def __init__(
        self,
        url: str,
        grant: Mapping[str, Any],
        *,
        as_json: bool = False,
        remedy: str = "Check client_id and client_secret.",
        keep: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._grant = dict(grant)
        self._as_json = as_json
        self._remedy = remedy
        self._keep = keep
        self._clock = clock
        self._lock = threading.Lock()
        self._token: str | None = None
        self._ends = 0.0

    def auth_flow(self, request: httpx.Request) -> Flow:
        """Sign the request; a refused token is renewed once."""
        used = yield from self._renew_token(unless=None)
        request.headers["Authorization"] = f"Bearer {used}"
        response = yield request
        if response.status_code == 401:
            renewed = yield from self._renew_token(unless=used)
            request.headers["Authorization"] = f"Bearer {renewed}"
            yield request

    def _renew_token(self, unless: str | None) -> Generator[httpx.Request, httpx.Response, str]:
        """Return a token other than `unless`.

        Other threads wait while one requests it.
        """
        with self._lock:
            if self._token in (None, unless) or self._clock() >= self._ends:
                requested_at = self._clock()
                response = yield self._build_request()
                self._token, lifetime = self._parse_token(response)
                self._ends = requested_at + lifetime - min(MARGIN, lifetime / 2)
            assert self._token is not None  # noqa: S101 - set just above or before
            return self._token

    def _build_request(self) -> httpx.Request:
        if self._as_json:
            return httpx.Request("POST", self._url, json=self._grant)
        return httpx.Request("POST", self._url, data=self._grant)

    def _parse_token(self, response: httpx.Response) -> tuple[str, float]:
        status = response.status_code
        if 400 <= status < 500 and status not in (408, 429):
            host = response.request.url.host
            text = f"{host} refused this OAuth client a token ({status})"
            reason = _read_reason(response)
            raise CredentialRefused(text + reason, self._remedy, status=status)
        try:
            granted: dict[str, Any] = response.raise_for_status().json()
            token, lifetime = str(granted["access_token"]), granted.get("expires_in")
            seconds = float(lifetime or LIFETIME)
            exchanged = granted.get("refresh_token")
        except (httpx.HTTPStatusError, ValueError, KeyError, TypeError, AttributeError) as error:
            # As a lost answer, which the host tries again.
            raise httpx.RemoteProtocolError(
                f"no token came back ({status})", request=response.request
            ) from error
        if exchanged and exchanged != self._grant.get("refresh_token", exchanged):
            self._grant["refresh_token"] = str(exchanged)
            if self._keep is not None:
                self._keep(str(exchanged))
        return token, seconds


def _read_reason(response: httpx.Response) -> str:
    """Return why no token came, in the vendor's words; empty without any.

    RFC 6749, section 5.2.
    """
    try:
        stated = response.json()
    except ValueError:
        return ""
    if not isinstance(stated, dict):
        return ""
    words = [stated.get(key) for key in ("error", "error_description")]
    return "".join(f": {' '.join(word.split())[:300]}" for word in words if isinstance(word, str))


class QueryKey(httpx.Auth):
    """A key that the vendor wants as a parameter of the query."""

    def __init__(self, name: str, key: str) -> None:
        self._name, self._key = name, key

    def auth_flow(self, request: httpx.Request) -> Flow:
        """Add the key to the query."""
        request.url = request.url.copy_set_param(self._name, self._key)
        yield request
