"""Meaning of Stripe's error bodies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cs_sync import CredentialRefused, PermissionMissing, RequestRefused, VendorError

if TYPE_CHECKING:  # a command that asks no vendor starts without its client
    import httpx

_PERMISSION = re.compile(r"\brak_\w+")


def classify_response(response: httpx.Response, body: Any) -> VendorError | None:
    """Build the error of a refused request.

    None if the status decides (429, 5xx).
    """
    status = response.status_code
    if status == 429 or not 400 <= status < 500:
        return None
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return None
    kind, message, remedy = _describe_error(status, error)
    return kind(
        f"Stripe: {message}",
        remedy,
        status=status,
        body=body,
        headers=response.headers,
        request_id=response.headers.get("request-id"),
    )


def _describe_error(status: int, error: dict[str, Any]) -> tuple[type[VendorError], str, str]:
    message = str(error.get("message") or error.get("code") or error.get("type") or "refused")
    if status == 401:
        return CredentialRefused, message, "Put a valid restricted key into api_key."
    if status == 403:
        named = _PERMISSION.search(message)
        what = f"the permission {named[0]}" if named else "this permission"
        return PermissionMissing, message, f"Give the restricted key {what} in Stripe's dashboard."
    if error.get("param"):
        message = f"{error['param']}: {message}"
    return RequestRefused, message, ""
