"""URLs of requests: TLS only (except loopback), no credential sent to another host."""

from collections.abc import Mapping
from functools import lru_cache

import httpx

from cs_sync.contracts.errors import ConfigError
from cs_sync.contracts.http import Params, is_loopback
from cs_sync.http.errors import Call

URL_CACHE_SIZE = 256
"""Addresses that are remembered, as parsing one takes longer than looking it up."""


def parse_base_url(name: str, base_url: str) -> httpx.URL:
    """Parse and check the base URL of a connector.

    Raises:
        ConfigError: It is not a URL, holds a credential, or is plain http to another machine.
    """
    section = f"base_url in [connectors.{name}]"
    try:
        url = httpx.URL(base_url.strip())
    except httpx.InvalidURL:
        raise ConfigError(
            f"{name}: the base_url is not an address",
            f"Write {section} like https://api.example.com.",
        ) from None
    if url.userinfo:
        raise ConfigError(
            f"{name}: the base_url carries a credential",
            f"Take it out of {section}: keys have own settings.",
        )
    _require_tls(name, url, f"Write {section} with https:// (plain http only for this machine).")
    return url


@lru_cache(URL_CACHE_SIZE)
def resolve_url(name: str, base: httpx.URL | None, path: str, *, guarded: bool) -> httpx.URL:
    """Return the URL of one request.

    Args:
        name: The connector, for messages.
        base: The connector's base URL.
        path: A path below `base`, or a full URL.
        guarded: Whether a credential of `base` is sent along; it goes to no other host.

    Raises:
        ConfigError: The URL is unusable, unsafe or at another host.
    """
    try:
        url = httpx.URL(path)
    except httpx.InvalidURL:
        raise ConfigError(
            f"{name}: not a usable path", "This is a mistake in the connector."
        ) from None
    if url.is_relative_url:
        if base is None or url.host:
            raise ConfigError(
                f"{name}: {path!r} has no host", "Give the client an address with `at`."
            )
        return httpx.URL(f"{str(base).rstrip('/')}/{path.lstrip('/')}")
    _require_tls(name, url, "The vendor points to an unsafe address: tell its support.")
    if guarded and base is not None and not is_same_origin(base, url):
        raise ConfigError(
            f"{name}: refuses to take its key from {base.host} to {url.host}",
            f"If that is right, set base_url in [connectors.{name}] to https://{url.host}.",
        )
    return url


def replace_query(url: httpx.URL, params: Params) -> httpx.URL:
    """Replace parameters of a URL by those of the same names.

    Others stay.
    """
    query = httpx.QueryParams(dict(params) if isinstance(params, Mapping) else list(params))
    merged = query if not url.query else url.params.merge(query)
    return url.copy_with(query=str(merged).encode("ascii"))


def get_redirect_target(response: httpx.Response, call: Call) -> httpx.URL | None:
    """Return the URL of a redirect to follow; None otherwise.

    Only reads (GET, HEAD) are redirected, and only on the same host.
    """
    if "location" not in response.headers or call.method not in ("GET", "HEAD"):
        return None
    if not 300 <= response.status_code < 400:
        return None
    try:
        target = call.url.join(response.headers["location"])
    except httpx.InvalidURL:
        return None
    return target if is_same_origin(call.url, target) else None


def is_same_origin(first: httpx.URL, other: httpx.URL) -> bool:
    """Return whether two URLs have the same scheme, host and port."""
    return _get_origin(first) == _get_origin(other)


def _get_origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)


def _require_tls(name: str, url: httpx.URL, remedy: str) -> None:
    if url.scheme == "https" and url.host:
        return
    if url.scheme != "http" or not is_loopback(url.host):
        raise ConfigError(
            f"{name}: {url.scheme or 'no scheme'}://{url.host} is not safe for a key", remedy
        )
