"""Headers as the vendors document them, read into seconds from now."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from cs_sync import ResponseNames
from cs_sync.http.rate_limit_headers import (
    MAX_WAIT_SECONDS,
    ROUNDING_SECONDS,
    RateLimitInfo,
    read_rate_limit_headers,
)

NAMES = ResponseNames(
    rolling=("x-acme-max", "x-acme-remaining", "x-acme-milliseconds"),
    daily_remaining="x-acme-daily-remaining",
    account_wide=("acme-limited-reason", "global"),
)
NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
EPOCH = 1_767_268_800  # 2026-01-01T12:00:00Z


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, RateLimitInfo()),
        ({"Retry-After": "17"}, RateLimitInfo(retry_after=17.0)),
        ({"Retry-After": "0.5"}, RateLimitInfo(retry_after=0.5)),
        ({"Retry-After": "0"}, RateLimitInfo(retry_after=0.0)),
        ({"Retry-After": "-3"}, RateLimitInfo(retry_after=0.0)),
        ({"Retry-After": "Thu, 01 Jan 2026 12:01:30 GMT"}, RateLimitInfo(retry_after=90.0)),
        ({"Retry-After": "Thu, 01 Jan 2026 11:00:00 GMT"}, RateLimitInfo(retry_after=0.0)),
        ({"Retry-After": "soon"}, RateLimitInfo()),
        ({"Retry-After": ""}, RateLimitInfo()),
        ({"Retry-After": "1e300"}, RateLimitInfo(retry_after=MAX_WAIT_SECONDS)),
        (
            {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"},
            RateLimitInfo(retry_after=MAX_WAIT_SECONDS),
        ),
        (
            {"ratelimit-remaining": "0", "ratelimit-reset": "9e99"},
            RateLimitInfo(remaining=0, reset=MAX_WAIT_SECONDS + ROUNDING_SECONDS),
        ),
        (
            {
                "X-Acme-Max": "1e15",
                "X-Acme-Remaining": "0",
                "X-Acme-Milliseconds": "10000",
            },
            RateLimitInfo(),
        ),
        ({"Retry-After": "inf"}, RateLimitInfo()),
        ({"Retry-After": "nan"}, RateLimitInfo()),
        (
            {"ratelimit-limit": "700", "ratelimit-remaining": "3", "ratelimit-reset": "41"},
            RateLimitInfo(remaining=3, reset=41 + ROUNDING_SECONDS),
        ),
        (
            {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(EPOCH + 10)},
            RateLimitInfo(remaining=0, reset=10 + ROUNDING_SECONDS),
        ),
        (
            {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str((EPOCH + 10) * 1000)},
            RateLimitInfo(remaining=0, reset=10 + ROUNDING_SECONDS),
        ),
        ({"X-Rate-Limit": "700", "X-Rate-Limit-Remaining": "699"}, RateLimitInfo()),
        (
            {
                "X-Acme-Max": "190",
                "X-Acme-Remaining": "180",
                "X-Acme-Milliseconds": "10000",
                "X-Acme-Daily": "650000",
                "X-Acme-Daily-Remaining": "12",
            },
            RateLimitInfo(rolling=(190, 180, 10.0), daily_remaining=12),
        ),
        ({"Acme-Limited-Reason": "global-rate"}, RateLimitInfo(everywhere=True)),
        ({"Acme-Limited-Reason": "endpoint-rate"}, RateLimitInfo()),
    ],
)
def test_reading(headers: dict[str, str], expected: Any) -> None:
    assert read_rate_limit_headers(httpx.Headers(headers), NOW, NAMES) == expected


def test_names_that_no_connector_states_are_not_read() -> None:
    headers = {"X-Acme-Daily-Remaining": "0", "Acme-Limited-Reason": "global"}
    assert read_rate_limit_headers(httpx.Headers(headers), NOW) == RateLimitInfo()
