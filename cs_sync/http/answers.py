"""What an answer, or the lack of one, means: typed errors with a remedy and the request's id."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

import httpx
import orjson

from cs_sync.contracts.errors import (
    AnswerUnknown,
    ConfigError,
    CredentialRefused,
    CsSyncError,
    PermissionMissing,
    RequestRefused,
    Throttled,
    Unreachable,
    VendorError,
)
from cs_sync.http.bounds import TooLarge

_ID_HEADERS = ("request-id", "x-hubspot-correlation-id", "x-request-id", "x-zendesk-request-id")
_ID_FIELDS = ("correlationId", "request_id", "requestId")
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_UNTRUSTED = ("CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER")
_LONGEST_SAYING = 300
_MOST_DIGITS = 20
_OF_THE_BODY = ("content-length", "content-encoding", "transfer-encoding")


Answer = tuple[httpx.Response, Any]
"""A response and what its body says."""


class Broken:
    """Stands for a body that should have been JSON and is not."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request as its caller means it; `repeatable` when sending it twice does no harm."""

    source: str
    method: str
    url: httpx.URL
    headers: Mapping[str, str]
    content: bytes | str | None
    repeatable: bool
    wants_json: bool

    def __str__(self) -> str:
        """Without the query: it may hold customers' e-mail addresses."""
        return f"{self.source}: {self.method} {self.url.copy_with(query=None, fragment=None)}"


def decode(response: httpx.Response, call: Call) -> Any:
    """The JSON body, the text of an error page, None for nothing, or Broken."""
    content = response.content
    if not content:
        missing = call.wants_json and call.method == "GET" and response.status_code == 200
        return Broken if missing else None
    said_json = "json" in response.headers.get("content-type", "")
    if not (said_json or call.wants_json) and response.is_success:
        return None
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return Broken if response.is_success else response.text


def mended(response: httpx.Response) -> httpx.Response | None:
    """The response as JSON that all can read; None when it is none in any way.

    Vendors cut texts by 16-bit units, at times in the middle of an emoji. JSON can say the half
    that is left, Unicode cannot hold it: it becomes `?`. And some write numbers that JSON does not
    know, or that no computer counts: they become texts, which no field of numbers takes. One such
    record must not stop a whole stream.
    """
    try:
        document = json.loads(
            response.content, parse_constant=str, parse_int=_counted, parse_float=_finite
        )
        text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):
        return None
    return holding(response, text.encode("utf-8", "replace"))


def _counted(digits: str) -> int | str:
    return int(digits) if len(digits) < _MOST_DIGITS else digits


def _finite(digits: str) -> float | str:
    return number if isfinite(number := float(digits)) else digits


def holding(response: httpx.Response, content: bytes) -> httpx.Response:
    """The same response with another body."""
    headers = {k: v for k, v in response.headers.items() if k not in _OF_THE_BODY}
    return httpx.Response(
        response.status_code, headers=headers, content=content, request=response.request
    )


def unanswered(call: Call, failure: Exception) -> tuple[CsSyncError, bool]:
    """The error for a request without an answer, and whether to try it again."""
    if isinstance(failure, (httpx.LocalProtocolError, httpx.UnsupportedProtocol)):
        return unsendable(call), False
    text = f"{call}: {type(failure).__name__}: {failure}"
    if any(sign in text for sign in _UNTRUSTED):
        remedy = "Check base_url (https, host, port) and the certificates that this machine trusts."
        return Unreachable(text, remedy), False
    if isinstance(failure, _UNSENT):
        remedy = "Check base_url, the network and any proxy; the next run goes on from here."
        return Unreachable(text, remedy), True
    if not call.repeatable:
        return _unknown(text), False
    if isinstance(failure, TooLarge):
        remedy = f"Check base_url in [connectors.{call.source}]; if it is right, tell us."
        return Unreachable(text, remedy), False
    return Unreachable(text, "Nothing stored is lost; the next run goes on from here."), True


def unsendable(call: Call) -> ConfigError:
    """A request that cannot be put on the wire, mostly for a broken credential."""
    return ConfigError(
        f"{call}: a header has characters that cannot be sent",
        f"Check the key in [connectors.{call.source}] for line breaks and stray characters.",
    )


def broken(call: Call, response: httpx.Response) -> VendorError:
    """A good status with a body that is not the JSON it should be."""
    text = f"{call}: {response.status_code} with a body that is not whole JSON"
    remedy = "Something between here and the vendor cuts answers short."
    return _no_answer(call, text, remedy, _facts(response, None))


def misshapen(call: Call, response: httpx.Response, body: Any, wrong: str) -> VendorError:
    """A good status with JSON that is no answer to what was asked; `wrong` says why."""
    text = f"{call}: {response.status_code} with a body that {wrong}{_saying(body)}"
    remedy = (
        f"Check base_url in [connectors.{call.source}]: a proxy may be answering for the vendor."
    )
    return _no_answer(call, text, remedy, _facts(response, body))


def _no_answer(call: Call, text: str, remedy: str, facts: Mapping[str, Any]) -> VendorError:
    return Unreachable(text, remedy, **facts) if call.repeatable else _unknown(text, **facts)


def refused(call: Call, response: httpx.Response, body: Any) -> VendorError:
    """The error that an unhappy status means, 429 apart."""
    status, facts = response.status_code, _facts(response, body)
    text = f"{call}: {status} {response.reason_phrase}{_saying(body)}"
    section = f"[connectors.{call.source}]"
    if status == 401:
        return CredentialRefused(text, f"Put a valid key into {section}.", **facts)
    if status == 403:
        return PermissionMissing(text, f"Give the key of {section} the missing scope.", **facts)
    if (status >= 500 and status not in (501, 505)) or status == 408:
        if call.repeatable:
            return Unreachable(text, "The vendor has trouble: the next run goes on.", **facts)
        return _unknown(text, **facts)
    if 300 <= status < 400:
        target = response.headers.get("location", "nowhere")
        remedy = f"It points to {target}: if that is right, set base_url in {section} to it."
        return RequestRefused(text, remedy, **facts)
    return RequestRefused(text, f"Run `cs-sync check` to see what {call.source} wants.", **facts)


def throttled(call: Call, response: httpx.Response, body: Any, until: datetime | None) -> Throttled:
    """The quota is used up for longer than a run should wait."""
    facts = _facts(response, body)
    request_id = facts["request_id"]
    error = Throttled(
        f"{call}: the quota is used up{_saying(body)}"
        + (f" [request {request_id}]" if request_id else ""),
        f"Run again {f'after {until:%Y-%m-%d %H:%M} UTC' if until else 'when it opens'};"
        " what is stored stays, and the run goes on from there.",
        until=until,
    )
    error.body, error.headers, error.request_id = facts["body"], facts["headers"], request_id
    return error


def exhausted(call: Call, until: datetime) -> Throttled:
    """The budget itself knows that the quota opens too late for this run."""
    return Throttled(
        f"{call}: the quota is used up",
        f"Run again after {until:%Y-%m-%d %H:%M} UTC: the run goes on from where it stopped.",
        until=until,
    )


def is_daily(body: Any) -> bool:
    """HubSpot's name for the quota of a whole day."""
    return isinstance(body, dict) and body.get("policyName") == "DAILY"


def _unknown(text: str, **facts: Any) -> AnswerUnknown:
    return AnswerUnknown(
        text, "It may have happened: look it up at the vendor before sending it again.", **facts
    )


def _facts(response: httpx.Response, body: Any) -> dict[str, Any]:
    return {
        "status": response.status_code,
        "body": None if body is Broken else body,
        "headers": {k: v for k, v in response.headers.items() if k != "set-cookie"},
        "request_id": _request_id(response, body),
    }


def _request_id(response: httpx.Response, body: Any) -> str | None:
    fields = body if isinstance(body, dict) else {}
    found = [response.headers.get(name) for name in _ID_HEADERS]
    found += [fields.get(name) for name in _ID_FIELDS]
    return next((str(value) for value in found if value), None)


def _saying(body: Any) -> str:
    """The vendor's own sentence, from the places where vendors put it."""
    said = body
    for _ in range(3):
        if isinstance(said, list):
            said = said[0] if said else None
        if isinstance(said, dict):
            names = ("message", "detail", "description", "error", "errors", "title")
            said = next((said[name] for name in names if said.get(name)), None)
    if not isinstance(said, str) or not said.strip() or said.lstrip().startswith("<"):
        return ""  # a web page is nothing to put into a sentence; the error's body has it
    return f": {' '.join(said.split())[:_LONGEST_SAYING]}"
