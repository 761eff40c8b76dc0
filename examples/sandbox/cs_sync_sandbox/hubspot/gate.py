"""HubSpot's gate: token, scopes, rolling and daily limits, and the headers of every answer."""

from __future__ import annotations

from collections import Counter
from datetime import date

from starlette.requests import Request

from cs_sync_sandbox.hubspot.errors import HubSpotError
from cs_sync_sandbox.hubspot.portal import Portal
from cs_sync_sandbox.keys import HUBSPOT_NARROW_TOKEN, HUBSPOT_TOKEN
from cs_sync_sandbox.limits import RollingWindow

PER_TEN_SECONDS = 190  # Professional and Enterprise
SEARCHES_PER_SECOND = 5
NARROW_SCOPES = frozenset(
    {"crm.objects.companies.read", "crm.objects.contacts.read", "crm.objects.owners.read"}
)


class Gate:
    """Counts requests and refuses those that may not pass."""

    def __init__(self, portal: Portal, *, limits: bool) -> None:
        self.portal, self.limits = portal, limits
        self.burst = RollingWindow(PER_TEN_SECONDS, 10.0)
        self.searches = RollingWindow(SEARCHES_PER_SECOND, 1.0)
        self.today: Counter[date] = Counter()

    def admit(self, request: Request, scope: str, *, search: bool) -> None:
        """Raise the 401, 429 or 403 that this request deserves."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in {HUBSPOT_TOKEN, HUBSPOT_NARROW_TOKEN}:
            raise HubSpotError(
                401, "INVALID_AUTHENTICATION",
                "Authentication credentials not found. This API supports OAuth 2.0 "
                "authentication and you can find more details at "
                "https://developers.hubspot.com/docs/methods/auth/oauth-overview",
            )  # fmt: skip
        self._count(token, search=search)
        if token == HUBSPOT_NARROW_TOKEN and scope not in NARROW_SCOPES:
            raise _missing(scope)

    def headers(self, token: str, *, search: bool) -> dict[str, str]:
        """Return the rate headers; search answers have none."""
        if search:
            return {}
        used = self.today[self.portal.now().date()]
        return {
            "X-HubSpot-RateLimit-Max": str(PER_TEN_SECONDS),
            "X-HubSpot-RateLimit-Remaining": str(self.burst.remaining(token)),
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            "X-HubSpot-RateLimit-Daily": str(self.portal.daily_limit),
            "X-HubSpot-RateLimit-Daily-Remaining": str(max(0, self.portal.daily_limit - used)),
        }

    def _count(self, token: str, *, search: bool) -> None:
        now = self.portal.now()
        if self.today[now.date()] >= self.portal.daily_limit:
            raise _limited("DAILY", "daily")
        self.today[now.date()] += 1
        if not self.limits:
            return
        if search and self.searches.take(token, now) is not None:
            raise _limited("SECONDLY", "secondly")
        if self.burst.take(token, now) is not None:
            raise _limited("TEN_SECONDLY_ROLLING", "ten_secondly_rolling")


def _limited(policy: str, word: str) -> HubSpotError:
    more = {"errorType": "RATE_LIMIT", "policyName": policy}
    return HubSpotError(429, "RATE_LIMITS", f"You have reached your {word} limit.", more)


def _missing(scope: str) -> HubSpotError:
    return HubSpotError(
        403, "MISSING_SCOPES",
        "This app hasn't been granted all required scopes to make this call. Read more about "
        "required scopes here: https://developers.hubspot.com/scopes.",
        {
            "errors": [
                {
                    "message": "One or more of the following scopes are required.",
                    "context": {"requiredGranularScopes": [scope]},
                }
            ],
            "links": {"scopes": "https://developers.hubspot.com/scopes"},
        },
    )  # fmt: skip
