"""Authentication: an OAuth client that renews its token, or an API token."""

import threading
import time
from collections.abc import Callable, Generator
from typing import Any

import httpx

from cs_sync import CredentialRefused
from cs_sync_zendesk.api import TOKEN
from cs_sync_zendesk.config import ZendeskConfig

LIFETIME = 7200
"""Seconds a token is asked for."""
MARGIN = 120.0
"""A token that ends within so many seconds is renewed before it is used."""

Flow = Generator[httpx.Request, httpx.Response, None]


def make_auth(config: ZendeskConfig) -> httpx.Auth:
    """Return the authentication for the configured credentials."""
    if config.client_id is not None and config.client_secret is not None:
        secret = config.client_secret.get_secret_value()
        return ClientCredentials(config.base_url, config.client_id, secret)
    token = config.api_token.get_secret_value() if config.api_token else ""
    return httpx.BasicAuth(f"{config.email}/token", token)


class ClientCredentials(httpx.Auth):
    """OAuth 2.0 client credentials (RFC 6749 section 4.4), one token for all threads."""

    requires_response_body = True

    def __init__(
        self,
        base_url: str,
        client_id: str,
        client_secret: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = base_url.rstrip("/") + TOKEN
        self._client_id = client_id
        self._client_secret = client_secret
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
                response = yield self._request()
                self._token, lifetime = self._parse_token(response)
                self._ends = requested_at + lifetime - min(MARGIN, lifetime / 2)
            assert self._token is not None  # noqa: S101 - set just above or before
            return self._token

    def _request(self) -> httpx.Request:
        body = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._client_secret,
            "scope": "read",
            "expires_in": LIFETIME,
        }
        return httpx.Request("POST", self._url, json=body)

    @staticmethod
    def _parse_token(response: httpx.Response) -> tuple[str, float]:
        status = response.status_code
        if 400 <= status < 500 and status not in (408, 429):
            raise CredentialRefused(
                f"Zendesk gives no token to this OAuth client ({status})",
                "Check base_url, client_id and client_secret in Admin Center → APIs → OAuth"
                " clients; the client must be confidential.",
                status=status,
            )
        try:
            granted: dict[str, Any] = response.raise_for_status().json()
            return str(granted["access_token"]), float(granted.get("expires_in") or LIFETIME)
        except (httpx.HTTPStatusError, ValueError, KeyError, TypeError, AttributeError) as error:
            # As a lost answer, which the host tries again.
            raise httpx.RemoteProtocolError(
                f"no token came back ({status})", request=response.request
            ) from error
