"""Meaning of responses and failures: typed errors with a remedy and the request's id."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from math import isfinite
from typing import Any

import httpx
import orjson
from msgspec import Struct

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
from cs_sync.http.bounds import BodyTooLarge
from cs_sync.http.shapes import holds_records

_ID_NAMES = ("request-id", "x-request-id", "request_id", "requestId")
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_TLS_FAILURES = ("CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER")
_MAX_MESSAGE = 300
_MAX_DIGITS = 20
_BODY_HEADERS = ("content-length", "content-encoding", "transfer-encoding")


Answer = tuple[httpx.Response, Any]
"""A response and what its body says."""


class InvalidJson:
    """Sentinel for a body that should have been JSON but is not."""


class Call(Struct, frozen=True):
    """One request; `repeatable` if sending it twice does no harm.

    `id_names` are the vendor's own headers and fields with the id of the request. `fold` takes
    the documents of a good answer in JSON Lines, in place of its body.
    """

    source: str
    method: str
    url: httpx.URL
    headers: Mapping[str, str]
    content: bytes | str | None
    repeatable: bool
    wants_json: bool
    id_names: tuple[str, ...] = ()
    fold: Callable[[Iterator[Any]], Any] | None = None

    def __str__(self) -> str:
        """Return method and URL without the query.

        It may hold customers' e-mail addresses.
        """
        return f"{self.source}: {self.method} {self.url.copy_with(query=None, fragment=None)}"


def decode_body(response: httpx.Response, call: Call) -> Any:
    """Decode the body of a response.

    Returns:
        The JSON document, the text of an error page, None without a body, or InvalidJson.
    """
    content = response.content
    if not content:
        missing = call.wants_json and call.method == "GET" and response.status_code == 200
        return InvalidJson if missing else None
    said_json = "json" in response.headers.get("content-type", "")
    if not (said_json or call.wants_json) and response.is_success:
        return None
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return InvalidJson if response.is_success else response.text


def repair_json(response: httpx.Response) -> httpx.Response | None:
    """Repair a response's body to valid JSON; None if impossible."""
    content = repair_document(response.content)
    return None if content is None else replace_body(response, content)


def repair_document(content: bytes) -> bytes | None:
    """Repair a document to valid JSON.

    None if impossible. Vendors cut texts by 16-bit units, at times in the middle of an emoji: the
    lone surrogate that is left, valid in JSON but not in Unicode, becomes `?`. Some write numbers
    that JSON does not know or that are too large: these become texts, which number fields reject.
    One such record must not stop a whole stream.
    """
    try:
        document = json.loads(
            content, parse_constant=str, parse_int=_parse_int, parse_float=_parse_float
        )
        text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):
        return None
    return text.encode("utf-8", "replace")


def _parse_int(digits: str) -> int | str:
    return int(digits) if len(digits) < _MAX_DIGITS else digits


def _parse_float(digits: str) -> float | str:
    return number if isfinite(number := float(digits)) else digits


def replace_body(response: httpx.Response, content: bytes) -> httpx.Response:
    """Return the same response with another body."""
    headers = {k: v for k, v in response.headers.items() if k not in _BODY_HEADERS}
    return httpx.Response(
        response.status_code, headers=headers, content=content, request=response.request
    )


def classify_failure(call: Call, failure: Exception) -> tuple[CsSyncError, bool]:
    """Classify a request without a response.

    Returns:
        The error, and whether to retry.
    """
    if isinstance(failure, (httpx.LocalProtocolError, httpx.UnsupportedProtocol)):
        return unsendable_error(call), False
    text = f"{call}: {type(failure).__name__}: {failure}"
    if any(sign in text for sign in _TLS_FAILURES):
        remedy = "Check base_url (https, host, port) and the certificates that this machine trusts."
        return Unreachable(text, remedy), False
    if isinstance(failure, _UNSENT):
        remedy = "Check base_url, the network and any proxy; the next run resumes here."
        return Unreachable(text, remedy), True
    if not call.repeatable:
        return _unknown_answer(text), False
    if isinstance(failure, BodyTooLarge):
        remedy = f"Check base_url in [connectors.{call.source}]; if it is right, report this."
        return Unreachable(text, remedy), False
    return Unreachable(text, "Nothing stored is lost; the next run resumes here."), True


def unsendable_error(call: Call) -> ConfigError:
    """Build the error for an unsendable request.

    Usually due to a broken credential.
    """
    return ConfigError(
        f"{call}: a header has characters that cannot be sent",
        f"Check the key in [connectors.{call.source}] for line breaks and stray characters.",
    )


def invalid_json_error(call: Call, response: httpx.Response) -> VendorError:
    """Build the error for a good status without complete JSON."""
    text = f"{call}: {response.status_code} with a body that is not whole JSON"
    remedy = "Something between here and the vendor cuts answers short."
    return _lost_answer_error(call, text, remedy, _collect_facts(call, response, None))


def wrong_shape_error(call: Call, response: httpx.Response, body: Any, wrong: str) -> VendorError:
    """Build the error for a good status with unusable JSON.

    Args:
        call: The request.
        response: Its response.
        body: The decoded body.
        wrong: What is wrong, as the end of a sentence.
    """
    text = f"{call}: {response.status_code} with a body that {wrong}{_vendor_message(body)}"
    remedy = (
        f"Check base_url in [connectors.{call.source}]: a proxy may be answering for the vendor."
    )
    if holds_records(body):
        remedy = "Correct the connector: it names what the vendor's answer has by another name."
    return _lost_answer_error(call, text, remedy, _collect_facts(call, response, body))


def _lost_answer_error(call: Call, text: str, remedy: str, facts: Mapping[str, Any]) -> VendorError:
    return Unreachable(text, remedy, **facts) if call.repeatable else _unknown_answer(text, **facts)


def refused_error(call: Call, response: httpx.Response, body: Any) -> VendorError:
    """Build the error for a bad status other than 429."""
    status, facts = response.status_code, _collect_facts(call, response, body)
    text = f"{call}: {status} {response.reason_phrase}{_vendor_message(body)}"
    section = f"[connectors.{call.source}]"
    if status == 401:
        return CredentialRefused(text, f"Put a valid key into {section}.", **facts)
    if status == 403:
        return PermissionMissing(text, f"Give the key of {section} the missing scope.", **facts)
    if (status >= 500 and status not in (501, 505)) or status == 408:
        if call.repeatable:
            return Unreachable(
                text, "The vendor has an outage; the next run resumes here.", **facts
            )
        return _unknown_answer(text, **facts)
    if 300 <= status < 400:
        target = response.headers.get("location", "nowhere")
        remedy = f"It points to {target}: if that is right, set base_url in {section} to it."
        return RequestRefused(text, remedy, **facts)
    return RequestRefused(text, f"Run `cs-sync check` to see what {call.source} wants.", **facts)


def throttled_error(call: Call, response: httpx.Response, body: Any, until: datetime) -> Throttled:
    """Build the error for a quota closed for too long.

    Longer than a run should wait.
    """
    facts = _collect_facts(call, response, body)
    request_id = facts["request_id"]
    error = Throttled(
        f"{call}: the quota is used up{_vendor_message(body)}"
        + (f" [request {request_id}]" if request_id else ""),
        f"Run again after {until:%Y-%m-%d %H:%M} UTC;"
        " what is stored stays, and the run resumes there.",
        until=until,
    )
    error.body, error.headers, error.request_id = facts["body"], facts["headers"], request_id
    return error


def exhausted_error(call: Call, until: datetime) -> Throttled:
    """Build the error for a quota that opens too late."""
    return Throttled(
        f"{call}: the quota is used up",
        f"Run again after {until:%Y-%m-%d %H:%M} UTC: the run resumes where it stopped.",
        until=until,
    )


def _unknown_answer(text: str, **facts: Any) -> AnswerUnknown:
    return AnswerUnknown(
        text, "It may have happened: look it up at the vendor before sending it again.", **facts
    )


def _collect_facts(call: Call, response: httpx.Response, body: Any) -> dict[str, Any]:
    return {
        "status": response.status_code,
        "body": None if body is InvalidJson else body,
        "headers": {k: v for k, v in response.headers.items() if k != "set-cookie"},
        "request_id": _find_request_id(call, response, body),
    }


def _find_request_id(call: Call, response: httpx.Response, body: Any) -> str | None:
    """Return the request's id, by the vendor's own names first."""
    fields = body if isinstance(body, dict) else {}
    names = (*call.id_names, *_ID_NAMES)
    values = (source.get(name) for source in (response.headers, fields) for name in names)
    return next((str(value) for value in values if value), None)


def _vendor_message(body: Any) -> str:
    """Return the vendor's message from a body's usual places."""
    message = body
    for _ in range(3):
        if isinstance(message, list):
            message = message[0] if message else None
        if isinstance(message, dict):
            names = ("message", "detail", "description", "error", "errors", "title")
            message = next((message[name] for name in names if message.get(name)), None)
    if not isinstance(message, str) or not message.strip() or message.lstrip().startswith("<"):
        return ""  # a web page is nothing to put into a sentence; the error's body has it
    return f": {' '.join(message.split())[:_MAX_MESSAGE]}"
