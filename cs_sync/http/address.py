"""Where requests may go: TLS only (loopback apart), and no credential to another host."""

from collections.abc import Mapping
from functools import lru_cache

import httpx

from cs_sync.contracts.errors import ConfigError
from cs_sync.contracts.http import Params, is_loopback
from cs_sync.http.answers import Call

PATHS = 256
"""Addresses that are remembered, as parsing one takes longer than looking it up."""


def checked_base(name: str, base_url: str) -> httpx.URL:
    """The address of a connector; raises ConfigError if a credential must not travel there."""
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
    _safe(name, url, f"Write {section} with https:// (plain http only for this machine).")
    return url


@lru_cache(PATHS)
def absolute(name: str, base: httpx.URL | None, path: str, *, guarded: bool) -> httpx.URL:
    """The address of one request; `guarded` when a credential of `base` would go along."""
    try:
        url = httpx.URL(path)
    except httpx.InvalidURL:
        raise ConfigError(
            f"{name}: not a usable path", "This is a mistake in the connector."
        ) from None
    if url.is_relative_url:
        if base is None or url.host:
            raise ConfigError(
                f"{name}: {path!r} has no host", "Give the door an address with `at`."
            )
        return httpx.URL(f"{str(base).rstrip('/')}/{path.lstrip('/')}")
    _safe(name, url, "The vendor points to an unsafe address: tell its support.")
    if guarded and base is not None and not same_origin(base, url):
        raise ConfigError(
            f"{name}: refuses to take its key from {base.host} to {url.host}",
            f"If that is right, set base_url in [connectors.{name}] to https://{url.host}.",
        )
    return url


def with_query(url: httpx.URL, params: Params) -> httpx.URL:
    """The address with these parameters, in place of those of the same names in it."""
    given = httpx.QueryParams(dict(params) if isinstance(params, Mapping) else list(params))
    merged = given if not url.query else url.params.merge(given)
    return url.copy_with(query=str(merged).encode("ascii"))


def follows(response: httpx.Response, call: Call) -> httpx.URL | None:
    """Where a redirect may be followed to: only a read, only on the same host."""
    if "location" not in response.headers or call.method not in ("GET", "HEAD"):
        return None
    if not 300 <= response.status_code < 400:
        return None
    try:
        target = call.url.join(response.headers["location"])
    except httpx.InvalidURL:
        return None
    return target if same_origin(call.url, target) else None


def same_origin(one: httpx.URL, other: httpx.URL) -> bool:
    """Same scheme, host and port?"""
    return _origin(one) == _origin(other)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)


def _safe(name: str, url: httpx.URL, remedy: str) -> None:
    if url.scheme == "https" and url.host:
        return
    if url.scheme != "http" or not is_loopback(url.host):
        raise ConfigError(
            f"{name}: {url.scheme or 'no scheme'}://{url.host} is not safe for a key", remedy
        )
