"""When workspaces are due: once for all that they missed, spread, and later after failures."""

from datetime import UTC, datetime, timedelta

import pytest

from cs_sync.workers.due_times import (
    Schedule,
    calculate_backoff,
    find_due_slot,
    find_next_due_time,
)

DAILY = Schedule("acme", "0 5 * * *", "Europe/Warsaw", 0)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def test_the_newest_slot_stands_for_all_that_were_missed() -> None:
    # 05:00 in Warsaw is 04:00 UTC in winter.
    assert find_due_slot(DAILY, at(21, 3, 59)) == at(20, 4)
    assert find_due_slot(DAILY, at(21, 4)) == at(21, 4)
    assert find_due_slot(DAILY, at(24, 23)) == at(24, 4)


def test_a_slot_is_due_only_after_its_jitter() -> None:
    spread = Schedule("acme", "0 5 * * *", "UTC", 3600)
    due = spread.compute_due_time(at(21, 5))
    assert at(21, 5) < due < at(21, 6)
    assert find_due_slot(spread, due - timedelta(microseconds=1)) == at(20, 5)
    assert find_due_slot(spread, due) == at(21, 5)
    assert find_next_due_time(spread, at(20, 6)) == due


def test_names_spread_evenly_and_always_alike() -> None:
    late = [
        (Schedule(f"w{n}", "0 5 * * *", "UTC", 100).compute_due_time(at(21, 5)) - at(21, 5))
        for n in range(400)
    ]
    mean = sum(late, timedelta()) / len(late)
    assert abs(mean.total_seconds() - 50) < 5  # the deviation of such a mean is 1.4
    assert late[0] == Schedule("w0", "0 5 * * *", "UTC", 100).compute_due_time(at(21, 5)) - at(
        21, 5
    )


@pytest.mark.parametrize(
    ("failures", "minutes"), [(0, 0), (1, 5), (2, 10), (3, 20), (9, 1280), (10, 1440), (999, 1440)]
)
def test_each_failure_doubles_the_pause_up_to_a_day(failures: int, minutes: int) -> None:
    assert calculate_backoff(failures) == timedelta(minutes=minutes)
