"""Vendors' rate limit headers, in one form for all vendors."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from msgspec import Struct

from cs_sync.contracts.http import ResponseNames

MIN_EPOCH_SECONDS = 1e9
"""A reset above this is a moment since 1970 (2001 and later), below it a number of seconds."""
MIN_EPOCH_MILLISECONDS = 1e11
ROUNDING_SECONDS = 1.0
"""Resets are in whole seconds; no vendor says whether they are rounded up."""
MAX_WAIT_SECONDS = 366 * 86400.0
"""Nobody closes for longer: beyond it a number is a mistake, and dates overflow."""
MAX_ROLLING_REQUESTS = 100_000
"""Requests in a rolling window; a larger limit is none."""

_FAMILIES = ("ratelimit", "x-ratelimit", "x-rate-limit")
_STANDARD = ResponseNames()


class RateLimitInfo(Struct, frozen=True):
    """The rate limit of one response; seconds from now, None if not given."""

    retry_after: float | None = None
    remaining: int | None = None
    reset: float | None = None
    rolling: tuple[int, int, float] | None = None
    """(maximum, remaining, seconds) of a rolling window."""
    daily_remaining: int | None = None
    everywhere: bool = False
    """The vendor says that all of the account is meant, not one endpoint."""


def read_rate_limit_headers(
    headers: Mapping[str, str], now: datetime, names: ResponseNames = _STANDARD
) -> RateLimitInfo:
    """Read the rate limit headers; unreadable ones count as missing.

    Args:
        headers: The response's headers, found in any case.
        now: The current time.
        names: The vendor's own names, beside the standard ones.
    """
    remaining, reset = _read_fixed_window(headers, now)
    return RateLimitInfo(
        retry_after=_parse_retry_after(headers.get("retry-after"), now),
        remaining=remaining,
        reset=reset,
        rolling=_read_rolling_window(headers, names.rolling) if names.rolling else None,
        daily_remaining=_parse_int(headers.get(names.daily_remaining or "")),
        everywhere=_means_account(headers, names),
    )


def _parse_retry_after(text: str | None, now: datetime) -> float | None:
    """Return the seconds of either form in RFC 9110 section 10.2.3."""
    seconds = _parse_number(text)
    if seconds is None:
        try:
            moment = parsedate_to_datetime(text or "")
        except ValueError:
            return None
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (aware - now).total_seconds()
    return min(max(0.0, seconds), MAX_WAIT_SECONDS)


def _read_fixed_window(
    headers: Mapping[str, str], now: datetime
) -> tuple[int | None, float | None]:
    for family in _FAMILIES:
        reset = _parse_number(headers.get(family + "-reset"))
        if reset is not None:
            return _parse_int(headers.get(family + "-remaining")), _seconds_from_now(reset, now)
    return None, None


def _seconds_from_now(reset: float, now: datetime) -> float:
    if reset >= MIN_EPOCH_MILLISECONDS:
        reset /= 1000
    if reset >= MIN_EPOCH_SECONDS:
        reset -= now.timestamp()
    return min(max(0.0, reset), MAX_WAIT_SECONDS) + ROUNDING_SECONDS


def _means_account(headers: Mapping[str, str], names: ResponseNames) -> bool:
    if names.account_wide is None:
        return False
    header, beginning = names.account_wide
    return headers.get(header, "").startswith(beginning)


def _read_rolling_window(
    headers: Mapping[str, str], names: tuple[str, str, str]
) -> tuple[int, int, float] | None:
    maximum, remaining = (_parse_int(headers.get(name)) for name in names[:2])
    interval = _parse_number(headers.get(names[2]))
    if not maximum or remaining is None or not interval or not 0 < maximum <= MAX_ROLLING_REQUESTS:
        return None
    return maximum, max(0, remaining), interval / 1000


def _parse_number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _parse_int(text: str | None) -> int | None:
    value = _parse_number(text)
    return None if value is None else int(value)
