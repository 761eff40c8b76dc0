"""Errors, grouped by what to do next.

CsSyncError
├── ConfigError          the user changes the configuration or the command   (exit 2)
├── StoreError           the user mends the database                         (exit 1)
├── LeaseHeld            another run is at work: wait, or try later          (exit 1)
└── VendorError          something a vendor answered, or did not
    ├── CredentialRefused    the key is wrong or expired: every stream of it stops
    ├── PermissionMissing    one scope is missing: this stream stops, the rest go on
    ├── Unreachable          no usable answer after all tries: try again next run
    ├── Throttled            the vendor's quota is used up: resume when it opens
    ├── AnswerUnknown        a write may or may not have happened: settle before repeating
    └── RequestRefused       the vendor understood and said no (400, 404, 409, 422 …)
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any


class CsSyncError(Exception):
    """What went wrong, and what the reader of the message can do about it."""

    exit_code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.remedy}" if self.remedy else self.message


class ConfigError(CsSyncError):
    """The configuration or the command line cannot be used as it is."""

    exit_code = 2


class StoreError(CsSyncError):
    """The database cannot be read or written."""


class LeaseHeld(CsSyncError):
    """Another run works on this workspace."""


class VendorError(CsSyncError):
    """A vendor's answer that is not the one hoped for.

    `status` is the HTTP status (None without an answer), `body` the decoded error body with
    secrets already removed, `request_id` the vendor's own name for the request.
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


def request_id_in(message: str) -> str | None:
    """The vendor's own name for the request that a message of ours tells of."""
    found = _REQUEST.search(message)
    return found[1] if found else None


class CredentialRefused(VendorError):
    """The key is wrong, expired or revoked."""


class PermissionMissing(VendorError):
    """The key is good but may not do this."""


class Unreachable(VendorError):
    """No usable answer to the last try: no connection, time-outs, server errors, broken bodies."""


class Throttled(VendorError):
    """The vendor's quota is used up and will not open again within this run."""

    def __init__(self, message: str, remedy: str = "", *, until: datetime | None = None) -> None:
        super().__init__(message, remedy, status=429)
        self.until = until


class AnswerUnknown(VendorError):
    """A write that must not be repeated blindly got no answer: it may have happened."""


class RequestRefused(VendorError):
    """The vendor understood the request and refused it."""
