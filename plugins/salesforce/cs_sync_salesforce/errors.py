"""Salesforce's errors: what their codes mean, and how they are worded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cs_sync import CredentialRefused, PermissionMissing, RequestRefused, Throttled, VendorError

if TYPE_CHECKING:  # a command that asks no vendor starts without its client
    import httpx

QUOTA_PAUSE = timedelta(hours=1)
"""The quota is one of the last 24 hours: it opens little by little."""
_QUOTA = "REQUEST_LIMIT_EXCEEDED"
_UNSEEN = ("INVALID_FIELD", "INVALID_TYPE")
"""What a user may not see does not exist for the API."""
_USER = "the user of the external client app"


def classify(response: httpx.Response, body: Any) -> VendorError | None:
    """Return what an answer means; None leaves it to its status."""
    status = response.status_code
    if not 400 <= status < 500 or status in (408, 429):
        return None
    code, why = get_code(body), format_errors(body)
    facts: dict[str, Any] = {"status": status, "body": body, "headers": dict(response.headers)}
    if code == _QUOTA:
        return make_quota_error("the org's API calls of the last 24 hours are used up")
    if status == 401:
        remedy = "run again; if it stays, check the session settings of the external client app"
        return CredentialRefused(f"Salesforce refused the token: {why}", remedy, **facts)
    if status == 403:
        remedy = f"give {_USER} the permissions that the README lists"
        return PermissionMissing(f"Salesforce does not permit this: {why}", remedy, **facts)
    if code in _UNSEEN:
        remedy = f"correct its name, or give {_USER} read access to it"
        return PermissionMissing(f"Salesforce does not find this: {why}", remedy, **facts)
    call = f"{response.request.method} {response.request.url.path}"
    return RequestRefused(f"Salesforce refused {call} ({status}): {why}", **facts)


def make_quota_error(message: str) -> Throttled:
    """Make the error of a quota that is used up."""
    until = datetime.now(UTC) + QUOTA_PAUSE
    return Throttled(
        f"Salesforce: {message}, by all its integrations together",
        f"run again after {until:%Y-%m-%d %H:%M} UTC, or run less often",
        until=until,
    )


def iterate_errors(body: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the errors of a request, or of one record."""
    for each in body if isinstance(body, list) else ():
        if isinstance(each, dict):
            yield each


def get_code(body: Any) -> str:
    """Return Salesforce's code of the first error."""
    first = next(iterate_errors(body), {})
    return str(first.get("errorCode") or first.get("statusCode") or "REFUSED")


def format_errors(body: Any) -> str:
    """Return the errors in words, each with its code."""
    words = [
        f"{get_code([each])}: {' '.join(str(each.get('message') or '').split())}"
        for each in iterate_errors(body)
    ]
    return "; ".join(dict.fromkeys(words)) or "no reason given"
