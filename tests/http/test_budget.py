"""Laws of the budget: published limits are never exceeded, whatever the vendor is slow at."""

import re
import threading
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs_sync.contracts.http import Limit
from cs_sync.http import ManualClock
from cs_sync.http.rate_limit_headers import RateLimitInfo
from cs_sync.http.rate_limiter import RateLimiter

START = datetime(2026, 1, 1, tzinfo=UTC)
PATHS = ("/v1/things", "/v1/search", "/export/tickets")


def seconds_of(clock: ManualClock) -> float:
    return (clock.now() - START).total_seconds()


def budget_of(limits: list[Limit], clock: ManualClock) -> RateLimiter:
    return RateLimiter(limits, lambda: seconds_of(clock), clock.sleep)


def quiet(seconds: float, reason: str) -> None:
    assert seconds > 0
    assert reason


def most_in_any_window(moments: list[float], seconds: float) -> int:
    ordered = sorted(moments)
    return max(
        (sum(first <= at < first + seconds for at in ordered) for first in ordered), default=0
    )


limits = st.lists(
    st.builds(
        Limit,
        requests=st.integers(1, 6),
        seconds=st.sampled_from([0.5, 1.0, 10.0]),
        path=st.sampled_from(["", "^/v1/search", "tickets$"]),
    ),
    min_size=1,
    max_size=3,
)
step = st.tuples(
    st.sampled_from(PATHS),
    st.floats(0, 3, allow_subnormal=False),  # idle before the request
    st.floats(0, 2, allow_subnormal=False),  # until the vendor counts it
    st.floats(0, 2, allow_subnormal=False),  # until its answer is back
)


@given(limits, st.lists(step, max_size=40))
def test_no_window_is_ever_exceeded(
    published: list[Limit], steps: list[tuple[str, float, float, float]]
) -> None:
    clock = ManualClock()
    budget = budget_of(published, clock)
    counted: list[tuple[str, float]] = []
    for path, idle, outward, back in steps:
        clock.sleep(idle)
        with budget.reserve("GET", path, quiet):
            clock.sleep(outward)
            counted.append((path, seconds_of(clock)))
            clock.sleep(back)
    for limit in published:
        moments = [at for path, at in counted if re.search(limit.path, path)]
        assert most_in_any_window(moments, limit.seconds) <= limit.requests


trip = st.tuples(
    st.floats(0, 0.2, allow_subnormal=False),  # idle before the request
    st.floats(0.05, 0.06, allow_subnormal=False),  # until the vendor counts it
    st.floats(0.04, 0.4, allow_subnormal=False),  # until its answer is back
)


@given(st.lists(trip, min_size=30, max_size=60))
def test_no_window_is_exceeded_by_what_is_judged_by_its_sending(
    trips: list[tuple[float, float, float]],
) -> None:
    clock = ManualClock()
    budget = budget_of([Limit(4, 1.0)], clock)
    counted: list[float] = []
    for idle, outward, back in trips:
        clock.sleep(idle)
        with budget.reserve("GET", "/a", quiet) as place:
            place.sent = seconds_of(clock)
            clock.sleep(outward)
            counted.append(seconds_of(clock))
            clock.sleep(back)
    assert most_in_any_window(counted, 1.0) <= 4


def steadily(budget: RateLimiter, clock: ManualClock, number: int, latency: float) -> list[float]:
    """When so many requests were sent, one after the other."""
    sent = []
    for _ in range(number):
        with budget.reserve("GET", "/a", quiet) as place:
            place.sent = seconds_of(clock)
            sent.append(place.sent)
            clock.sleep(latency)
    return sent


def test_latency_that_does_not_vary_costs_little_of_a_limit() -> None:
    clock = ManualClock()
    budget = budget_of([Limit(5, 1.0)], clock)
    sent = steadily(budget, clock, 155, latency=0.1)
    assert sent[5] - sent[0] == pytest.approx(1.1, abs=1e-4)  # not known yet: after the answer
    assert sent[150] - sent[100] == pytest.approx(10 * 1.025, rel=1e-3)


def test_after_a_429_only_the_answer_is_trusted() -> None:
    clock = ManualClock()
    budget = budget_of([Limit(5, 1.0)], clock)
    steadily(budget, clock, 20, latency=0.1)
    budget.record_refusal("GET", "/a", sent=seconds_of(clock), wait=1.0, everywhere=False)
    for _ in range(10):
        budget.record_response(RateLimitInfo(), good=True, method="GET", path="/a")
    clock.sleep(5)
    sent = steadily(budget, clock, 6, latency=0.1)
    assert sent[5] - sent[0] == pytest.approx(1.1, abs=1e-4)


def test_a_quota_of_an_hour_is_slowed_down_by_429s_and_does_not_stand_still() -> None:
    clock = ManualClock()
    budget = budget_of([Limit(1200, 3600.0)], clock)
    for _ in range(600):
        send(budget, clock)
    for _ in range(3):
        began = seconds_of(clock)
        budget.record_refusal("GET", "/a", sent=began, wait=5.0, everywhere=False)
        times = [send(budget, clock) - began for _ in range(3)]
        assert times == pytest.approx([5, 6, 7], abs=1e-3)
    for _ in range(20):
        budget.record_response(RateLimitInfo(), good=True, method="GET", path="/a")
    began = seconds_of(clock)
    assert [send(budget, clock) for _ in range(10)][-1] - began < 2


def test_threads_share_one_budget_and_nothing_is_lost() -> None:
    clock = ManualClock()
    budget = budget_of([Limit(5, 10.0)], clock)
    moments: list[float] = []
    lock = threading.Lock()

    def work() -> None:
        for _ in range(10):
            with budget.reserve("GET", "/a", quiet), lock:
                moments.append(seconds_of(clock))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(moments) == 80
    assert most_in_any_window(moments, 10.0) <= 5


def test_places_that_are_all_in_use_are_waited_for() -> None:
    clock = ManualClock()
    budget = budget_of([Limit(1, 1.0)], clock)
    entered = threading.Event()

    def second() -> None:
        with budget.reserve("GET", "/a", quiet):
            entered.set()

    thread = threading.Thread(target=second)
    with budget.reserve("GET", "/a", quiet):
        thread.start()
        assert not entered.wait(0.05)
    thread.join(10)
    assert entered.is_set()
    assert seconds_of(clock) >= 1.0


def send(budget: RateLimiter, clock: ManualClock, path: str = "/a") -> float:
    with budget.reserve("GET", path, quiet):
        return seconds_of(clock)


def test_full_speed_up_to_the_limit_then_one_window_of_waiting() -> None:
    clock = ManualClock()
    budget = budget_of([Limit(3, 10.0)], clock)
    assert [send(budget, clock) for _ in range(4)] == pytest.approx([0, 0, 0, 10], abs=1e-4)


def test_remaining_nothing_waits_for_the_reset() -> None:
    clock = ManualClock()
    budget = budget_of([], clock)
    budget.record_response(
        RateLimitInfo(remaining=2, reset=30.0), good=True, method="GET", path="/a"
    )
    assert [send(budget, clock) for _ in range(3)] == pytest.approx([0, 0, 30], abs=1e-4)


def test_an_answer_that_was_overtaken_does_not_raise_what_remains() -> None:
    clock = ManualClock()
    budget = budget_of([], clock)
    budget.record_response(
        RateLimitInfo(remaining=0, reset=30.0), good=True, method="GET", path="/a"
    )
    budget.record_response(
        RateLimitInfo(remaining=1, reset=30.0), good=True, method="GET", path="/a"
    )
    assert send(budget, clock) == pytest.approx(30, abs=1e-4)


def test_what_others_use_of_a_rolling_window_is_left_to_them() -> None:
    clock = ManualClock()
    budget = budget_of([Limit(190, 10.0)], clock)
    send(budget, clock)
    budget.record_response(
        RateLimitInfo(rolling=(100, 1, 10.0)), good=True, method="GET", path="/a"
    )
    assert [send(budget, clock) for _ in range(2)] == pytest.approx([0, 10], abs=1e-4)


def test_a_used_up_day_is_a_wait_that_the_caller_can_refuse() -> None:
    clock = ManualClock()
    budget = budget_of([], clock)
    budget.record_response(RateLimitInfo(daily_remaining=0), good=True, method="GET", path="/a")

    class TooLong(Exception):
        pass

    def refuse(seconds: float, reason: str) -> None:
        raise TooLong(seconds)

    with pytest.raises(TooLong), budget.reserve("GET", "/a", refuse):
        pass


def test_a_surprise_429_halves_the_pace_and_good_answers_win_it_back() -> None:
    clock = ManualClock()
    budget = budget_of([Limit(8, 10.0)], clock)
    budget.record_refusal("GET", "/a", sent=0.0, wait=5.0, everywhere=False)
    times = [send(budget, clock) for _ in range(5)]
    assert times == pytest.approx([5, 5, 5, 5, 15], abs=1e-4)
    for _ in range(8):
        budget.record_response(RateLimitInfo(), good=True, method="GET", path="/a")
    clock.sleep(10)
    began = seconds_of(clock)
    times = [send(budget, clock) - began for _ in range(9)]
    assert times == pytest.approx([0] * 8 + [10], abs=1e-4)


def test_requests_that_were_under_way_together_halve_once() -> None:
    clock = ManualClock()
    budget = budget_of([Limit(8, 10.0)], clock)
    clock.sleep(1)
    for _ in range(4):
        budget.record_refusal("GET", "/a", sent=0.5, wait=1.0, everywhere=False)
    assert [send(budget, clock) for _ in range(5)] == pytest.approx([2] * 4 + [12], abs=1e-4)


@pytest.mark.parametrize(("everywhere", "expected"), [(False, 0.0), (True, 60.0)])
def test_a_429_of_an_endpoint_leaves_the_others_open(everywhere: bool, expected: float) -> None:
    clock = ManualClock()
    budget = budget_of([Limit(100, 60.0), Limit(10, 60.0, path="/export/")], clock)
    budget.record_refusal("GET", "/export/tickets", sent=0.0, wait=60.0, everywhere=everywhere)
    assert send(budget, clock, "/v1/things") == pytest.approx(expected, abs=1e-4)
    assert send(budget, clock, "/export/tickets") == pytest.approx(60, abs=1e-4)


def test_a_limit_may_hold_for_one_method_only() -> None:
    clock = ManualClock()
    budget = budget_of([Limit(1, 60.0, method="post")], clock)
    for _ in range(2):
        with budget.reserve("GET", "/a", quiet):
            pass
        with budget.reserve("POST", "/a", quiet):
            pass
    assert seconds_of(clock) == pytest.approx(60, abs=1e-4)
