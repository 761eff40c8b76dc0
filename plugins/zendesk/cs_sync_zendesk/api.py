"""Zendesk's API as used here: paths, limits, and error classification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cs_sync import (
    CredentialRefused,
    Limit,
    PermissionMissing,
    RequestRefused,
    ResponseNames,
    Shape,
    VendorError,
)

if TYPE_CHECKING:  # a command that asks no vendor starts without its client
    import httpx

TOKEN = "/oauth/tokens"  # noqa: S105 - a path
ME = "/api/v2/users/me"
TICKETS = "/api/v2/incremental/tickets/cursor"
USERS = "/api/v2/incremental/users/cursor"
ORGANIZATIONS = "/api/v2/incremental/organizations"
SAMPLE = "/api/v2/incremental/tickets/sample"

PAGE_SIZE = 1000

_ENDS = {"end_of_stream": bool}
SHAPES = (
    Shape(rf"{TICKETS}$", {"tickets": list, "after_cursor": str | None, **_ENDS}),
    Shape(rf"{USERS}$", {"users": list, "after_cursor": str | None, **_ENDS}),
    Shape(rf"{ORGANIZATIONS}$", {"organizations": list, "end_time": int | None, **_ENDS}),
    Shape(rf"{ME}$", {"user": dict}),
    Shape(rf"{SAMPLE}$", {"tickets": list}),
)

NAMES = ResponseNames(request_id=("x-zendesk-request-id",))

LIMITS = (Limit(10, 60.0, r"/api/v2/incremental/"),)
"""The exports' own limit; what the plan allows beside them is told by the headers."""


def classify_response(response: httpx.Response, body: Any) -> VendorError | None:
    """Build the error of a refused request.

    None if the status decides (429, 5xx).
    """
    status = response.status_code
    if status == 429 or not 400 <= status < 500:
        return None
    kind, remedy = _KINDS.get(status, (RequestRefused, ""))
    return kind(
        f"Zendesk: {_read_message(body) or response.reason_phrase} ({status})",
        remedy,
        status=status,
        body=body,
        headers=response.headers,
        request_id=response.headers.get("x-request-id"),
    )


_KINDS: dict[int, tuple[type[VendorError], str]] = {
    401: (CredentialRefused, "Check client_id and client_secret (or email and api_token)."),
    403: (
        PermissionMissing,
        "Exports need an admin: let an admin own the OAuth client, with the scope read.",
    ),
    404: (RequestRefused, "Check base_url: it is the address of your Zendesk, without a path."),
}


def _read_message(body: Any) -> str:
    """Read the body's message.

    Zendesk has three forms of errors, and HTML pages.
    """
    if not isinstance(body, dict):
        return ""
    error = body.get("error") or body.get("errors") or ""
    if isinstance(error, list):
        error = error[0] if error else ""
    if isinstance(error, dict):
        parts = (error.get("title"), error.get("message") or error.get("detail"))
    else:
        parts = (error, body.get("description") or body.get("message"))
    return ": ".join(str(part) for part in parts if part)
