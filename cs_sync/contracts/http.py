"""The one door to a vendor: every request of every connector goes through it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from types import UnionType
from typing import Any, Protocol

import httpx

from cs_sync.contracts.errors import VendorError

Params = Mapping[str, Any] | Sequence[tuple[str, Any]]
Classify = Callable[[httpx.Response, Any], VendorError | None]
"""(response, decoded body) → the error it means, or None to let the host decide by status."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A vendor allows `requests` in any `seconds`, on paths that match `path` (a regex)."""

    requests: int
    seconds: float
    path: str = ""
    method: str = ""


Body = type | UnionType | Mapping[str, "Body"]
"""The type of a document, or the fields that it must have with the body of each."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a good answer contains, on paths that match `path` (a regex).

    `Shape(r"/users$", {"users": list, "next": str | None})`: both fields must be there; what is
    not named may be. The first shape that matches a request is the one that counts.
    """

    path: str
    body: Body
    method: str = ""


@lru_cache
def is_loopback(host: str) -> bool:
    """Whether a host is this machine: 127.0.0.0/8, ::1 or localhost.

    Nothing sent there leaves the machine: plain http is good enough, and no proxy is asked.
    """
    if host == "localhost":
        return True
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


class Http(Protocol):
    """Requests of one credential: one budget, retries, typed errors, no secret in any of them.

    Reads (GET, and anything called with `idempotent=True`) are retried on time-outs, lost
    connections, 429, 5xx, bodies that do not parse and those that lack what their `Shape` names;
    other requests are sent once, and a lost answer raises AnswerUnknown. An answer that takes or
    holds too much is an error, too. Raises the errors of `cs_sync.contracts.errors`.
    """

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
    ) -> "Http":
        """The same door and budget, with the vendor's address, credential and error dialect.

        `shapes` say what good answers contain: without them any 200 is taken for one.
        `limits` are those that follow from the configuration, beside the published ones.
        `timeout` is how many seconds to wait for the next part of an answer; None leaves it to
        the host.
        """
        ...

    def get(self, path: str, params: Params | None = None) -> Any:
        """The decoded JSON body of a GET."""
        ...

    def post(
        self, path: str, json: Any = None, *, params: Params | None = None, idempotent: bool = False
    ) -> Any:
        """The decoded JSON body of a POST."""
        ...

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
        A JSON body is decoded once, by the host: it is `response.extensions["json"]`.
        """
        ...
