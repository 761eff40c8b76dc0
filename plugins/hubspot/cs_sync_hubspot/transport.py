"""Transport of HubSpot's official client through the host's Http."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from cs_sync import Http
from cs_sync_hubspot.paths import to_dated_path

if TYPE_CHECKING:  # a command that asks no vendor starts without its client
    import httpx

Json = dict[str, Any]

_REPEATABLE = ("/search", "/batch/read", "/batch/update")


def is_repeatable(method: str, path: str) -> bool:
    """Return whether a request may be sent twice.

    Twice has the effect of once then. Creating a property or a group is repeatable: its name is its
    key, a second attempt is a conflict.
    """
    return method == "GET" or path.endswith(_REPEATABLE) or path.startswith("/crm/properties/")


class HttpTransport:
    """Replaces the client's REST object, which has a pool of its own and no limits.

    The client passes a path of the API version that it was generated for, and with
    `_preload_content=False` returns the response as it is. Refusals are raised here, as the
    host's errors.
    """

    def __init__(self, http: Http) -> None:
        self._http = http

    def GET(  # noqa: N802 - the client's name for it
        self, url: str, query_params: Any = None, headers: Any = None, **_: Any
    ) -> httpx.Response:
        """Send a GET."""
        return self._send("GET", url, query_params, headers, None)

    def POST(  # noqa: N802
        self, url: str, query_params: Any = None, headers: Any = None, body: Any = None, **_: Any
    ) -> httpx.Response:
        """Send a POST."""
        return self._send("POST", url, query_params, headers, body)

    def PATCH(  # noqa: N802
        self, url: str, query_params: Any = None, headers: Any = None, body: Any = None, **_: Any
    ) -> httpx.Response:
        """Send a PATCH."""
        return self._send("PATCH", url, query_params, headers, body)

    def _send(self, method: str, url: str, params: Any, headers: Any, body: Any) -> httpx.Response:
        path = to_dated_path(url)
        return self._http.send(
            method,
            path,
            params=params or None,
            headers=headers,
            content=None if body is None else orjson.dumps(body),
            idempotent=is_repeatable(method, path),
        )
