"""HubSpot's dialect of errors: what its bodies mean, and whom they blame."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import orjson

from cs_sync import (
    CredentialRefused,
    PermissionMissing,
    RequestRefused,
    Throttled,
    Unreachable,
    VendorError,
)

Classify = Callable[[httpx.Response, Any], VendorError | None]
_BUSY = (423, 477)
"""Locked by another write, or moving between data centres: to be tried again."""
_KEYS = "HubSpot → Settings → Integrations → Service keys"


def classify_for(zone: ZoneInfo, section: str) -> Classify:
    """Tell the host what HubSpot's answers mean; None leaves it to the status alone.

    The daily quota opens at midnight in the portal's time zone, which no answer names; `zone`
    is the best guess there is.
    """

    def classify(response: httpx.Response, body: Any) -> VendorError | None:
        body = body if isinstance(body, dict) else {}
        if response.status_code == 429:
            return _throttled(response, body, zone)
        if response.status_code == 408 or not 400 <= response.status_code < 500:
            return None
        return _refused(response, body, section)

    return classify


def _refused(response: httpx.Response, body: Mapping[str, Any], section: str) -> VendorError:
    """What a 4xx means."""
    status, why = response.status_code, said(body)
    facts: dict[str, Any] = {
        "status": status,
        "body": body,
        "headers": dict(response.headers),
        "request_id": request_id(response, body),
    }
    if status in _BUSY:
        return Unreachable(f"HubSpot is busy with these records: {why}", **facts)
    if status == 401:
        remedy = f"make a new key ({_KEYS}) and put it into {section} access_token"
        return CredentialRefused(f"HubSpot refused the access token: {why}", remedy, **facts)
    if status == 403:
        return PermissionMissing(f"HubSpot does not permit this: {why}", _permit(body), **facts)
    call = f"{response.request.method} {response.request.url.path}"
    return RequestRefused(f"HubSpot refused {call} ({status}): {why}", **facts)


def _throttled(
    response: httpx.Response, body: Mapping[str, Any], zone: ZoneInfo
) -> Throttled | None:
    """The daily quota ends the run; the short ones are only waited for."""
    if body.get("policyName") != "DAILY":
        return None
    until = midnight_after(answered_at(response), zone)
    return Throttled(
        "HubSpot's daily quota of requests is used up, by all its integrations together",
        f"run again after {until.isoformat()}, or run less often",
        until=until,
    )


def answered_at(response: httpx.Response) -> datetime:
    """When the answer was given, by HubSpot's clock where it says so."""
    date = response.headers.get("date")
    try:
        return parsedate_to_datetime(date).astimezone(UTC) if date else datetime.now(UTC)
    except ValueError:
        return datetime.now(UTC)


def midnight_after(instant: datetime, zone: ZoneInfo) -> datetime:
    """The first midnight of `zone` after an instant, in UTC."""
    tomorrow = instant.astimezone(zone).date() + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone).astimezone(UTC)


def request_id(response: httpx.Response, body: Mapping[str, Any]) -> str | None:
    """HubSpot's own name for the request, for its support."""
    named = body.get("correlationId") or response.headers.get("x-hubspot-correlation-id")
    return str(named) if named else None


def said(body: Mapping[str, Any]) -> str:
    """The message of an error body with the details that HubSpot lists below it, each once."""
    texts = [worded(str(body.get("message") or body.get("category") or "no reason given"))]
    for detail in details(body):
        text = worded(str(detail.get("message") or ""))
        if text and not any(text in other for other in texts):
            texts.append(text)
    return "; ".join(texts[:6])


def worded(message: str) -> str:
    """A message whose end lists properties as JSON, as those of validation rules do, in words."""
    head, bracket, tail = message.partition("[{")
    try:
        rules = orjson.loads(bracket + tail)
    except orjson.JSONDecodeError:
        return message
    told = [
        f"{rule.get('name')}: {rule.get('localizedErrorMessage') or rule.get('message')}"
        for rule in rules
        if isinstance(rule, dict)
    ]
    return head + "; ".join(told)


def details(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The `errors` of a body."""
    errors = body.get("errors")
    for error in errors if isinstance(errors, list) else ():
        if isinstance(error, dict):
            yield error


def context(error: Mapping[str, Any], name: str) -> set[str]:
    """What an error's context says under a name."""
    values = (error.get("context") or {}).get(name) or []
    return {str(value) for value in (values if isinstance(values, list) else [values])}


def category(body: Any) -> str:
    """HubSpot's code of a refusal."""
    body = body if isinstance(body, dict) else {}
    return str(body.get("category") or body.get("errorType") or "REFUSED")


def _permit(body: Mapping[str, Any]) -> str:
    scopes: set[str] = set()
    for error in (body, *details(body)):
        scopes |= context(error, "requiredGranularScopes") or context(error, "requiredScopes")
    if not scopes:
        return f"give the key the scopes of this stream ({_KEYS}); the README lists them"
    return f"give the key these scopes: {', '.join(sorted(scopes))} ({_KEYS})"
