"""Quotas of an hour beside a pace of a minute: a surprise 429 slows the pace only."""

from cs_sync.contracts.http import Limit
from cs_sync.http import ManualClock
from cs_sync.http.rate_limiter import RateLimiter


def test_many_refusals_do_not_use_up_the_quota_of_an_hour() -> None:
    clock = ManualClock()
    born = clock.now()
    limits = (Limit(240, 60.0), Limit(2400, 3600.0))
    budget = RateLimiter(limits, lambda: (clock.now() - born).total_seconds(), clock.sleep)
    waits: list[float] = []
    for _ in range(20):
        with budget.reserve("GET", "/query", lambda seconds, _reason: waits.append(seconds)):
            sent = budget.read_clock()
        budget.record_refusal("GET", "/query", sent=sent, wait=7.0, everywhere=True)
    assert max(waits) <= 60.1
    assert min(waits) >= 7.0
