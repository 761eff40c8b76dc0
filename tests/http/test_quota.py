"""Headers as the vendors document them, read into seconds from now."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from cs_sync.http.quota import LONGEST, ROUNDING, Quota, read_quota

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
EPOCH = 1_767_268_800  # 2026-01-01T12:00:00Z


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, Quota()),
        ({"Retry-After": "17"}, Quota(retry_after=17.0)),
        ({"Retry-After": "0.5"}, Quota(retry_after=0.5)),
        ({"Retry-After": "0"}, Quota(retry_after=0.0)),
        ({"Retry-After": "-3"}, Quota(retry_after=0.0)),
        ({"Retry-After": "Thu, 01 Jan 2026 12:01:30 GMT"}, Quota(retry_after=90.0)),
        ({"Retry-After": "Thu, 01 Jan 2026 11:00:00 GMT"}, Quota(retry_after=0.0)),
        ({"Retry-After": "soon"}, Quota()),
        ({"Retry-After": ""}, Quota()),
        ({"Retry-After": "1e300"}, Quota(retry_after=LONGEST)),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, Quota(retry_after=LONGEST)),
        (
            {"ratelimit-remaining": "0", "ratelimit-reset": "9e99"},
            Quota(remaining=0, reset=LONGEST + ROUNDING),
        ),
        (
            {
                "X-HubSpot-RateLimit-Max": "1e15",
                "X-HubSpot-RateLimit-Remaining": "0",
                "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            },
            Quota(),
        ),
        ({"Retry-After": "inf"}, Quota()),
        ({"Retry-After": "nan"}, Quota()),
        (
            {"ratelimit-limit": "700", "ratelimit-remaining": "3", "ratelimit-reset": "41"},
            Quota(remaining=3, reset=41 + ROUNDING),
        ),
        (
            {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(EPOCH + 10)},
            Quota(remaining=0, reset=10 + ROUNDING),
        ),
        (
            {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str((EPOCH + 10) * 1000)},
            Quota(remaining=0, reset=10 + ROUNDING),
        ),
        ({"X-Rate-Limit": "700", "X-Rate-Limit-Remaining": "699"}, Quota()),
        (
            {
                "X-HubSpot-RateLimit-Max": "190",
                "X-HubSpot-RateLimit-Remaining": "180",
                "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
                "X-HubSpot-RateLimit-Daily": "650000",
                "X-HubSpot-RateLimit-Daily-Remaining": "12",
            },
            Quota(rolling=(190, 180, 10.0), daily_remaining=12),
        ),
        ({"Stripe-Rate-Limited-Reason": "global-rate"}, Quota(everywhere=True)),
        ({"Stripe-Rate-Limited-Reason": "endpoint-rate"}, Quota()),
    ],
)
def test_reading(headers: dict[str, str], expected: Any) -> None:
    assert read_quota(httpx.Headers(headers), NOW) == expected
