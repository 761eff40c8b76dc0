"""HubSpot's errors: classification of bodies, and the records that they name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import orjson

from cs_sync import (
    CredentialRefused,
    PermissionMissing,
    RequestRefused,
    Throttled,
    Unreachable,
    VendorError,
)

if TYPE_CHECKING:  # a command that asks no vendor starts without its client
    import httpx

Classify = Callable[["httpx.Response", Any], VendorError | None]
_BUSY = (423, 477)
"""Locked by another write, or moving between data centres: to be tried again."""
_KEYS = "HubSpot → Settings → Integrations → Service keys"


def make_classifier(zone: ZoneInfo, section: str) -> Classify:
    """Make the classifier of HubSpot's responses.

    Its None leaves it to the status. The daily quota opens at midnight in the portal's time zone,
    which no response names.

    Args:
        zone: The best guess of the portal's time zone.
        section: The connector's section, for remedies.
    """

    def classify(response: httpx.Response, body: Any) -> VendorError | None:
        body = body if isinstance(body, dict) else {}
        if response.status_code == 429:
            return _classify_throttle(response, body, zone)
        if response.status_code == 408 or not 400 <= response.status_code < 500:
            return None
        return _classify_refusal(response, body, section)

    return classify


def _classify_refusal(
    response: httpx.Response, body: Mapping[str, Any], section: str
) -> VendorError:
    """Return the error of a 4xx."""
    status, why = response.status_code, format_error(body)
    facts: dict[str, Any] = {
        "status": status,
        "body": body,
        "headers": dict(response.headers),
        "request_id": find_request_id(response, body),
    }
    if status in _BUSY:
        return Unreachable(f"HubSpot is busy with these records: {why}", **facts)
    if status == 401:
        remedy = f"make a new key ({_KEYS}) and put it into {section} access_token"
        return CredentialRefused(f"HubSpot refused the access token: {why}", remedy, **facts)
    if status == 403:
        return PermissionMissing(
            f"HubSpot does not permit this: {why}", _permission_remedy(body), **facts
        )
    call = f"{response.request.method} {response.request.url.path}"
    return RequestRefused(f"HubSpot refused {call} ({status}): {why}", **facts)


def _classify_throttle(
    response: httpx.Response, body: Mapping[str, Any], zone: ZoneInfo
) -> Throttled | None:
    """Return the error of the daily quota; None for short limits."""
    if body.get("policyName") != "DAILY":
        return None
    until = find_next_midnight(read_response_time(response), zone)
    return Throttled(
        "HubSpot's daily quota of requests is used up, by all its integrations together",
        f"run again after {until.isoformat()}, or run less often",
        until=until,
    )


def read_response_time(response: httpx.Response) -> datetime:
    """Return the response's time by HubSpot's clock, else by ours."""
    date = response.headers.get("date")
    try:
        return parsedate_to_datetime(date).astimezone(UTC) if date else datetime.now(UTC)
    except ValueError:
        return datetime.now(UTC)


def find_next_midnight(instant: datetime, zone: ZoneInfo) -> datetime:
    """Return the first midnight of `zone` after an instant, in UTC."""
    tomorrow = instant.astimezone(zone).date() + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone).astimezone(UTC)


def find_request_id(response: httpx.Response, body: Mapping[str, Any]) -> str | None:
    """Return HubSpot's id of the request, for its support."""
    named = body.get("correlationId") or response.headers.get("x-hubspot-correlation-id")
    return str(named) if named else None


def format_error(body: Mapping[str, Any]) -> str:
    """Return the error's message with its details, without duplicates."""
    texts = [format_rules(str(body.get("message") or body.get("category") or "no reason given"))]
    for detail in iterate_details(body):
        text = format_rules(str(detail.get("message") or ""))
        if text and not any(text in other for other in texts):
            texts.append(text)
    return "; ".join(texts[:6])


def format_rules(message: str) -> str:
    """Replace JSON at the end of a message by plain text."""
    head, bracket, tail = message.partition("[{")
    try:
        rules = orjson.loads(bracket + tail)
    except orjson.JSONDecodeError:
        return message
    descriptions = [
        f"{rule.get('name')}: {rule.get('localizedErrorMessage') or rule.get('message')}"
        for rule in rules
        if isinstance(rule, dict)
    ]
    return head + "; ".join(descriptions)


def iterate_details(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the `errors` of a body."""
    errors = body.get("errors")
    for error in errors if isinstance(errors, list) else ():
        if isinstance(error, dict):
            yield error


def read_context(error: Mapping[str, Any], name: str) -> set[str]:
    """Return the values of a name in an error's context."""
    values = (error.get("context") or {}).get(name) or []
    return {str(value) for value in (values if isinstance(values, list) else [values])}


def get_category(body: Any) -> str:
    """Return HubSpot's code of a refusal."""
    body = body if isinstance(body, dict) else {}
    return str(body.get("category") or body.get("errorType") or "REFUSED")


def _permission_remedy(body: Mapping[str, Any]) -> str:
    scopes: set[str] = set()
    for error in (body, *iterate_details(body)):
        scopes |= read_context(error, "requiredGranularScopes") or read_context(
            error, "requiredScopes"
        )
    if not scopes:
        return f"give the key the scopes of this stream ({_KEYS}); the README lists them"
    return f"give the key these scopes: {', '.join(sorted(scopes))} ({_KEYS})"
