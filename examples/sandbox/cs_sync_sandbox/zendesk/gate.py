"""Zendesk's gate: OAuth tokens that expire, roles, and requests per minute."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cs_sync_sandbox.answers import Json, request_number
from cs_sync_sandbox.keys import (
    ZENDESK_AGENT_CLIENT_ID,
    ZENDESK_CLIENT_ID,
    ZENDESK_CLIENT_SECRET,
)
from cs_sync_sandbox.limits import RollingWindow
from cs_sync_sandbox.zendesk.errors import ZendeskError

PER_MINUTE = 400
EXPORTS_PER_MINUTE = 10
SAMPLES_PER_20_MINUTES = 10
SHORTEST, LONGEST, USUAL = 300, 172_800, 7200


@dataclass
class Gate:
    """Hands out tokens and counts requests."""

    limits: bool
    tokens: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    requests: RollingWindow = field(default_factory=lambda: RollingWindow(PER_MINUTE, 60.0))
    exports: RollingWindow = field(default_factory=lambda: RollingWindow(EXPORTS_PER_MINUTE, 60.0))
    samples: RollingWindow = field(
        default_factory=lambda: RollingWindow(SAMPLES_PER_20_MINUTES, 1200.0)
    )

    def grant(self, request: Json, now: datetime) -> Json:
        """Return a token for client credentials."""
        if request.get("grant_type") != "client_credentials":
            raise ZendeskError(400, "unsupported_grant_type", "Use client_credentials")
        clients = {ZENDESK_CLIENT_ID, ZENDESK_AGENT_CLIENT_ID}
        client = request.get("client_id")
        if client not in clients or request.get("client_secret") != ZENDESK_CLIENT_SECRET:
            raise ZendeskError(401, "invalid_client", "Client authentication failed")
        lasts = request.get("expires_in", USUAL)
        if not isinstance(lasts, int) or not SHORTEST < lasts < LONGEST:
            raise ZendeskError(
                400, "invalid_request", f"expires_in must lie between {SHORTEST} and {LONGEST}"
            )
        token = f"zd{request_number():08d}"
        role = "admin" if client == ZENDESK_CLIENT_ID else "agent"
        self.tokens[token] = (role, now + timedelta(seconds=lasts))
        return {
            "access_token": token, "token_type": "bearer",
            "scope": request.get("scope", "read"), "expires_in": lasts,
        }  # fmt: skip

    def admit(self, authorization: str, now: datetime) -> tuple[str, str]:
        """Return the token and its owner's role.

        Or raise the 401 or 429.
        """
        token = authorization.removeprefix("Bearer ")
        role, until = self.tokens.get(token, ("", now))
        if until <= now:
            raise ZendeskError(
                401, "invalid_token",
                "The access token provided is expired, revoked, malformed or invalid",
            )  # fmt: skip
        self._count(self.requests, token, now, "Number of allowed API requests per minute exceeded")
        return token, role

    def admit_export(self, token: str, role: str, now: datetime, *, sample: bool) -> None:
        """Raise the 403 of a non-admin, or the exports' own 429."""
        if role != "admin":
            raise ZendeskError(403, "Forbidden", "You do not have access to this page.")
        window = self.samples if sample else self.exports
        what = "Number of allowed incremental export API requests per minute exceeded"
        self._count(window, token, now, what, plain=True)

    def headers(self, token: str) -> dict[str, str]:
        """Return the rate headers, old names and new."""
        left = str(self.requests.remaining(token))
        return {
            "X-Rate-Limit": str(PER_MINUTE), "X-Rate-Limit-Remaining": left,
            "ratelimit-limit": str(PER_MINUTE), "ratelimit-remaining": left,
            "ratelimit-reset": "60",
        }  # fmt: skip

    def _count(
        self, window: RollingWindow, token: str, now: datetime, what: str, *, plain: bool = False
    ) -> None:
        wait = window.take(token, now) if self.limits else None
        if wait is not None:
            headers = {"Retry-After": str(int(wait) + 1)}
            raise ZendeskError(429, "APIRateLimitExceeded", what, plain, headers)
