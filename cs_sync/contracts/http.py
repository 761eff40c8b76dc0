"""Contract of the HTTP client for vendors; all connectors send their requests through it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from types import UnionType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from cs_sync.contracts.errors import VendorError

if TYPE_CHECKING:  # a command that asks no vendor starts without it
    import httpx

T = TypeVar("T")
Params = Mapping[str, Any] | Sequence[tuple[str, Any]]
Classify = Callable[["httpx.Response", Any], VendorError | None]
"""(response, decoded body) → the error it means, or None to let the host decide by status."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A vendor's rate limit: `requests` in any `seconds`, on paths matching the regex `path`."""

    requests: int
    seconds: float
    path: str = ""
    method: str = ""


Body = type | UnionType | Mapping[str, "Body"]
"""The type of a document, or the fields that it must have with the body of each."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The expected content of a good response, on paths matching the regex `path`.

    `Shape(r"/users$", {"users": list, "next": str | None})` requires both fields; further
    fields are allowed. The first shape matching a request applies.
    """

    path: str
    body: Body
    method: str = ""


@dataclass(frozen=True, slots=True)
class ResponseNames:
    """A vendor's own names for what its responses state, beside the standard ones.

    The host reads Retry-After, RateLimit-*, X-RateLimit-*, Request-Id and X-Request-Id by
    itself. Headers are compared without regard to case.

    request_id    headers, or fields of the body, with the id of the request.
    rolling       headers of a rolling window: its maximum, what remains of it, and its length
                  in milliseconds.
    daily_remaining  header with what remains of the daily quota.
    account_wide  header of a 429, and how its value begins if the whole account is meant and
                  not one endpoint.
    """

    request_id: tuple[str, ...] = ()
    rolling: tuple[str, str, str] | None = None
    daily_remaining: str | None = None
    account_wide: tuple[str, str] | None = None


@lru_cache
def is_loopback(host: str) -> bool:
    """Return whether a host is this machine: 127.0.0.0/8, ::1 or localhost.

    Requests to it never leave the machine: plain http is allowed, and no proxy is used.
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
    """A client for one credential: one rate limiter, retries, typed errors without secrets.

    Reads (GET, and anything called with `idempotent=True`) are retried on time-outs, lost
    connections, 429, 5xx, unparsable bodies and bodies without the fields of their `Shape`;
    other requests are sent once, and a lost response raises AnswerUnknown. A response that
    is too slow or too large is an error, too. Raises the errors of
    `cs_sync.contracts.errors`.
    """

    def at(  # noqa: PLR0913 - what a vendor may need, each a keyword with a default
        self,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        auth: "httpx.Auth | None" = None,
        classify: Classify | None = None,
        shapes: Sequence[Shape] = (),
        limits: Sequence[Limit] = (),
        names: ResponseNames | None = None,
        timeout: float | None = None,
    ) -> "Http":
        """Return a client at this address, sharing the rate limiter.

        Args:
            base_url: The vendor's address.
            headers: Sent with every request.
            auth: The credential.
            classify: Maps a response to the vendor's error; None decides by status.
            shapes: The expected content of good responses; without them any 200 is accepted.
            limits: Limits that follow from the configuration, beside the published ones.
            names: The vendor's own names of headers and fields; None if all are standard.
            timeout: Seconds to wait for the next part of a response; None for the default.
        """
        ...

    def redact(self, text: str) -> str:
        """Return a text of another program's without the connector's secrets."""
        ...

    def warn(self, message: str) -> None:
        """Show a warning in the run, without secrets; the same one once."""
        ...

    def get(self, path: str, params: Params | None = None) -> Any:
        """Return the decoded JSON body of a GET."""
        ...

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
    ) -> "httpx.Response":
        """Return the whole response, checked for errors; meant for vendors' SDKs.

        A JSON body is decoded once, by the host: it is `response.extensions["json"]`. Beside it,
        "attempt" says at which attempt it came, from 1.

        Args:
            method: The HTTP method.
            path: A path below the base URL; a full URL is used as it is.
            params: Query parameters.
            headers: Further headers.
            content: The body.
            idempotent: Whether it may be retried; None means GET and HEAD only.
        """
        ...

    def fold_lines(
        self, path: str, fold: Callable[[Iterator[Any]], T], params: Params | None = None
    ) -> T:
        """Return what a function makes of a GET's JSON Lines.

        Each line is a document. They are read as they arrive and not kept, so that an export may
        be of any size. A read that breaks off begins again with a new call of `fold`; an
        Unreachable that `fold` raises is such a break, too. What gzip packed is unpacked.

        Args:
            path: A path below the base URL; a full URL is used as it is.
            fold: Takes the documents in their order.
            params: Query parameters.
        """
        ...
