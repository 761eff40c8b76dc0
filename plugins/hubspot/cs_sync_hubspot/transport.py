"""Carries the calls of HubSpot's official client over the host's one door to a vendor."""

from typing import Any

import orjson

from cs_sync import Http
from cs_sync_hubspot.paths import dated

Json = dict[str, Any]

_REPEATABLE = ("/search", "/batch/read", "/batch/update")


def repeatable(method: str, path: str) -> bool:
    """Whether sending it twice leaves the same state as sending it once.

    Creating a property or a group is: its name is its key, the second attempt is a conflict.
    """
    return method == "GET" or path.endswith(_REPEATABLE) or path.startswith("/crm/properties/")


class HttpTransport:
    """Takes the place of the client's REST object, which has a pool of its own and no limits.

    The client hands over a path of the API version it was generated for. It gives back unread what
    we answer when it is called with `_preload_content=False`, so we answer the decoded body:
    building the client's models takes longer than all else together.
    """

    def __init__(self, http: Http) -> None:
        self._http = http

    def GET(  # noqa: N802 - the client's name for it
        self, url: str, query_params: Any = None, headers: Any = None, **_: Any
    ) -> Json:
        """Send a GET."""
        return self._send("GET", url, query_params, headers, None)

    def POST(  # noqa: N802
        self, url: str, query_params: Any = None, headers: Any = None, body: Any = None, **_: Any
    ) -> Json:
        """Send a POST."""
        return self._send("POST", url, query_params, headers, body)

    def PATCH(  # noqa: N802
        self, url: str, query_params: Any = None, headers: Any = None, body: Any = None, **_: Any
    ) -> Json:
        """Send a PATCH."""
        return self._send("PATCH", url, query_params, headers, body)

    def _send(self, method: str, url: str, params: Any, headers: Any, body: Any) -> Json:
        path = dated(url)
        response = self._http.send(
            method,
            path,
            params=params or None,
            headers=headers,
            content=None if body is None else orjson.dumps(body),
            idempotent=repeatable(method, path),
        )
        answer: Json = response.extensions["json"]
        return answer
