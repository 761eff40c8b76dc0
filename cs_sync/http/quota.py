"""What a response's headers say about the vendor's quota, in one shape for all vendors."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

EPOCH_FROM = 1e9
"""A reset above this is a moment since 1970 (2001 and later), below it a number of seconds."""
EPOCH_MS_FROM = 1e11
ROUNDING = 1.0
"""Resets are told in whole seconds, and nobody says whether rounded up."""
LONGEST = 366 * 86400.0
"""Nobody closes for longer: beyond it a number is a mistake, and dates overflow."""
LARGEST = 100_000
"""Requests in a rolling window; a larger limit is none."""

_FAMILIES = ("ratelimit", "x-ratelimit", "x-rate-limit")
_HUBSPOT = "x-hubspot-ratelimit-"


@dataclass(frozen=True, slots=True)
class Quota:
    """One response's view; seconds are counted from now, None is what it does not say."""

    retry_after: float | None = None
    remaining: int | None = None
    reset: float | None = None
    rolling: tuple[int, int, float] | None = None
    """(maximum, remaining, seconds) of a rolling window."""
    daily_remaining: int | None = None
    everywhere: bool = False
    """The vendor says that all of the account is meant, not one endpoint."""


def read_quota(headers: Mapping[str, str], now: datetime) -> Quota:
    """The quota headers (names in lower case); whatever does not parse counts as not said."""
    remaining, reset = _fixed_window(headers, now)
    return Quota(
        retry_after=_retry_after(headers.get("retry-after"), now),
        remaining=remaining,
        reset=reset,
        rolling=_rolling_window(headers),
        daily_remaining=_whole(headers.get(_HUBSPOT + "daily-remaining")),
        everywhere=headers.get("stripe-rate-limited-reason", "").startswith("global"),
    )


def _retry_after(text: str | None, now: datetime) -> float | None:
    """Seconds, from the two forms of RFC 9110 section 10.2.3."""
    seconds = _number(text)
    if seconds is None:
        try:
            moment = parsedate_to_datetime(text or "")
        except ValueError:
            return None
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (aware - now).total_seconds()
    return min(max(0.0, seconds), LONGEST)


def _fixed_window(headers: Mapping[str, str], now: datetime) -> tuple[int | None, float | None]:
    for family in _FAMILIES:
        reset = _number(headers.get(family + "-reset"))
        if reset is not None:
            return _whole(headers.get(family + "-remaining")), _from_now(reset, now)
    return None, None


def _from_now(reset: float, now: datetime) -> float:
    if reset >= EPOCH_MS_FROM:
        reset /= 1000
    if reset >= EPOCH_FROM:
        reset -= now.timestamp()
    return min(max(0.0, reset), LONGEST) + ROUNDING


def _rolling_window(headers: Mapping[str, str]) -> tuple[int, int, float] | None:
    maximum = _whole(headers.get(_HUBSPOT + "max"))
    remaining = _whole(headers.get(_HUBSPOT + "remaining"))
    interval = _number(headers.get(_HUBSPOT + "interval-milliseconds"))
    if not maximum or remaining is None or not interval or not 0 < maximum <= LARGEST:
        return None
    return maximum, max(0, remaining), interval / 1000


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _whole(text: str | None) -> int | None:
    value = _number(text)
    return None if value is None else int(value)
