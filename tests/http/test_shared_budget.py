"""Laws of a shared budget: however many processes take turns, no window is exceeded."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs_sync.contracts.http import Limit
from cs_sync.http import ManualClock, digest_credential
from cs_sync.http.shared_rate_limiter import SharedRateLimiter, calculate_pace, name_window

START = datetime(2026, 1, 1, tzinfo=UTC)


class Rows:
    """The rule of the rows in Python, by a clock moved by hand."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.arrivals: dict[str, float] = {}

    def now(self) -> float:
        return (self.clock.now() - START).total_seconds()

    def take_turn(
        self, window: str, interval: float, tolerance: float, longest: float
    ) -> tuple[bool, float]:
        start = max(self.arrivals.get(window, 0.0), self.now())
        if start - self.now() - tolerance > longest:
            return False, start - tolerance - self.now()
        self.arrivals[window] = start + interval
        return True, max(0.0, start - tolerance - self.now())

    def close_window(self, window: str, seconds: float) -> None:
        self.arrivals[window] = max(self.arrivals.get(window, 0.0), self.now() + seconds)


def limiter(rows: Rows, *limits: Limit) -> SharedRateLimiter:
    """That of one process."""
    return SharedRateLimiter(rows, limits, rows.now, rows.clock.sleep)


def send(budget: SharedRateLimiter, path: str = "/a") -> float:
    def announce(_seconds: float, _reason: str) -> None:
        return

    with budget.reserve("GET", path, announce) as permit:
        permit.sent = budget.begin_request("GET", path, announce)
        return permit.sent


def most_in_any_window(moments: list[float], seconds: float) -> int:
    return max(sum(first <= at < first + seconds for at in moments) for first in moments)


@given(
    st.integers(1, 60),
    st.sampled_from([1.0, 10.0]),
    st.lists(
        st.tuples(st.integers(0, 2), st.floats(0, 0.5, allow_subnormal=False), st.floats(0, 0.12)),
        min_size=1,
        max_size=80,
    ),
)
def test_no_window_is_exceeded_by_three_processes(
    requests: int, seconds: float, steps: list[tuple[int, float, float]]
) -> None:
    """Each step: whose request, the idle time before it, and its way as a share of the window."""
    rows = Rows(ManualClock(START))
    limit = Limit(requests, seconds)
    processes = [limiter(rows, limit) for _ in range(3)]
    arrivals = []
    for who, idle, way in steps:
        rows.clock.sleep(idle)
        arrivals.append(send(processes[who]) + way * seconds)
    assert most_in_any_window(arrivals, seconds) <= requests


def test_ten_of_a_hundred_go_at_once_and_the_others_follow_evenly() -> None:
    """By hand: 100 in 10 s leave 90 after the burst, one in 1.125 · 10 / 90 = 0.125 s."""
    pace = calculate_pace(Limit(100, 10))
    assert (pace.interval, pace.tolerance) == pytest.approx((0.125, 9 * 0.125))
    rows = Rows(ManualClock(START))
    first, other = limiter(rows, Limit(100, 10)), limiter(rows, Limit(100, 10))
    moments = [send(each) for _ in range(6) for each in (first, other)]
    assert moments[:10] == [0.0] * 10
    assert moments[10:] == pytest.approx([0.125, 0.25], abs=1e-3)


def test_a_refusal_of_one_closes_for_all() -> None:
    rows = Rows(ManualClock(START))
    first, other = limiter(rows), limiter(rows)
    assert send(first) == 0.0
    first.record_refusal("GET", "/a", sent=0.0, wait=30.0, everywhere=True)
    assert send(other) == pytest.approx(30.0, abs=1e-3)


def test_a_limit_of_one_path_leaves_the_others_alone() -> None:
    rows = Rows(ManualClock(START))
    search = Limit(1, 5, path="^/search")
    first, other = limiter(rows, search), limiter(rows, search)
    assert send(first, "/search") == 0.0
    assert send(other, "/a") == 0.0
    assert send(other, "/search") == pytest.approx(1.125 * 5, abs=1e-3)
    assert name_window(search) == "1/5s ^/search"


def test_a_credential_is_named_by_a_digest_of_all_its_secrets() -> None:
    first = digest_credential("stripe", ["rk_1", "other"])
    assert first == digest_credential("stripe", ["other", "rk_1"])
    assert len({first, digest_credential("stripe", ["rk_1"]), digest_credential("paddle", ["rk_1"]),
                digest_credential("stripe", ["rk_1o", "ther"])}) == 4  # fmt: skip
    assert "rk_1" not in first
