"""Errors, grouped by what to do next.

CsSyncError
├── ConfigError          the user changes the configuration or the command   (exit 2)
├── StoreError           the user repairs the database                       (exit 1)
├── LeaseHeld            another run is in progress: wait, or try later      (exit 1)
└── VendorError          a vendor's error response, or none at all
    ├── CredentialRefused    the key is wrong or expired: all its streams stop
    ├── PermissionMissing    one scope is missing: this stream stops, the rest go on
    ├── Unreachable          no usable response after all attempts: next run tries again
    ├── Throttled            the vendor's quota is used up: resume when it opens
    ├── AnswerUnknown        a write may have happened: settle before repeating it
    └── RequestRefused       the vendor refused the request (400, 404, 409, 422 …)
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

COMPUTATION_ERRORS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What facts that contradict themselves, or are beyond every range, can raise anywhere."""


class CsSyncError(Exception):
    """An error with a message and a remedy for its reader."""

    exit_code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.remedy}" if self.remedy else self.message


class ConfigError(CsSyncError):
    """An unusable configuration or command line."""

    exit_code = 2


class StoreError(CsSyncError):
    """A database that cannot be read or written."""


class LeaseHeld(CsSyncError):
    """Another run in progress in this workspace."""


class VendorError(CsSyncError):
    """A vendor's error response, or a missing response.

    `status` is the HTTP status (None without a response), `body` the decoded error body with
    secrets already removed, `request_id` the vendor's id of the request.
    """

    def __init__(
        self,
        message: str,
        remedy: str = "",
        *,
        status: int | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(f"{message} [request {request_id}]" if request_id else message, remedy)
        self.status = status
        self.body = body
        self.headers = dict(headers or {})
        self.request_id = request_id


_REQUEST = re.compile(r"\[request ([^\]\s]+)\]")


def parse_request_id(message: str) -> str | None:
    """Return the vendor's request id in one of our messages.

    None without one.
    """
    match = _REQUEST.search(message)
    return match[1] if match else None


_ADDRESS = re.compile(r"(https?://[^/\s]+)\S*?(?=[:,;]?(\s|$))")


def extract_cause(message: str) -> str:
    """Return a message without what differs between requests: their ids and paths.

    A wrong key or an unreachable vendor fails all streams of a source for one cause, which is
    reported once.
    """
    return _ADDRESS.sub(r"\1", re.sub(rf" ?{_REQUEST.pattern}", "", message))


class CredentialRefused(VendorError):
    """A wrong, expired or revoked key."""


class PermissionMissing(VendorError):
    """A valid key without the permission for this request."""


class Unreachable(VendorError):
    """No usable response to the last attempt: no connection, time-out, 5xx, broken body."""


class Throttled(VendorError):
    """A vendor's quota that is used up for longer than this run."""

    def __init__(self, message: str, remedy: str = "", *, until: datetime | None = None) -> None:
        super().__init__(message, remedy, status=429)
        self.until = until


class AnswerUnknown(VendorError):
    """A non-repeatable write without a response: it may have happened."""


class RequestRefused(VendorError):
    """A request that the vendor understood and refused."""
