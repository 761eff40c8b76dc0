"""Which windows a stream reads: after a cursor, after a crash, after too long."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs_sync.contracts.source import Stream, Window
from cs_sync.store.records.stream_state import OpenWindow, StreamPosition
from cs_sync.sync.windows import (
    BACKFILL_EDGES,
    ReadRequest,
    compute_next_cursor,
    count_incomplete_days,
    plan_windows,
    split_backfill,
)
from cs_sync_schemas import Ticket
from tests.conftest import NOW

LAG = timedelta(minutes=1)
LOOKBACK = timedelta(minutes=10)
STREAM = Stream("tickets", Ticket, lambda _: iter(()), cursor="time", lag=LAG, lookback=LOOKBACK)
NEW = StreamPosition(None, ())
KNOWN = StreamPosition((NOW - timedelta(days=1)).isoformat(), ())


def windows(
    stream: Stream, standing: StreamPosition, request: ReadRequest | None = None
) -> list[Window]:
    return [o.window for o in plan_windows(stream, standing, request or ReadRequest(), NOW)]


def test_the_first_read_takes_everything_that_has_settled() -> None:
    assert windows(STREAM, NEW) == [Window(None, NOW - LAG)]


def test_the_next_read_begins_a_lookback_before_the_cursor() -> None:
    since = NOW - timedelta(days=1) - LOOKBACK
    assert windows(STREAM, KNOWN) == [Window(since, NOW - LAG, backfill=False)]


def test_once_a_week_it_begins_where_the_latest_changes_may_lie() -> None:
    """1 January 1970 was a Thursday: the weeks of the slow pass begin on Thursdays."""
    slow = replace(STREAM, late=timedelta(days=90))
    thursday = datetime(2026, 2, 26, 5, tzinfo=UTC)
    for cursor, now, back in (
        (thursday - timedelta(days=1), thursday, timedelta(days=97)),
        (thursday, thursday + timedelta(days=6), LOOKBACK),
        (thursday, thursday + timedelta(days=7), timedelta(days=97)),
    ):
        actual = plan_windows(slow, StreamPosition(cursor.isoformat(), ()), ReadRequest(), now)
        assert [o.window.since for o in actual] == [cursor - back]


def test_between_slow_passes_a_stream_says_how_many_days_are_in_doubt() -> None:
    """Weeks begin on Thursdays: on the Tuesday after, changes of 90 and 5 days may be unseen."""
    slow = replace(STREAM, late=timedelta(days=90), lookback=timedelta(days=7))
    tuesday = datetime(2026, 3, 3, tzinfo=UTC)

    def doubt(back: int | None, stream: Stream = slow) -> int:
        since = None if back is None else tuesday - timedelta(days=back)
        return count_incomplete_days(stream, tuesday, [Window(since, tuesday)], tuesday)

    assert doubt(8) == 95
    assert doubt(97) == doubt(None) == 0
    assert doubt(8, replace(slow, late=timedelta(days=7))) == 0
    assert count_incomplete_days(slow, None, [], tuesday) == 0
    [usual] = plan_windows(
        slow, StreamPosition((tuesday - timedelta(days=1)).isoformat(), ()), ReadRequest(), tuesday
    )
    assert count_incomplete_days(slow, usual.window.until, [usual.window], tuesday) == 95


@given(
    happened=st.integers(0, 60),
    late=st.integers(0, 30),
    pauses=st.lists(st.integers(1, 20), min_size=1, max_size=40),
)
def test_what_is_no_later_than_that_is_found_within_two_weeks(
    happened: int, late: int, pauses: list[int]
) -> None:
    """Whenever runs happen: one that sees the event arrived reads the day on which it happened."""
    slow = replace(STREAM, late=timedelta(days=30), lookback=timedelta(days=3), lag=timedelta(0))
    arrived, actual, cursor = happened + late, False, NOW
    for pause in pauses:
        now = cursor + timedelta(days=pause)
        [opened] = plan_windows(slow, StreamPosition(cursor.isoformat(), ()), ReadRequest(), now)
        since = opened.window.since
        assert since is not None
        event, seen = NOW + timedelta(days=happened), now >= NOW + timedelta(days=arrived)
        actual = actual or (seen and since <= event < now)
        cursor = now
    if cursor >= NOW + timedelta(days=arrived + 7):
        assert actual


def test_a_window_left_open_is_finished_as_it_was() -> None:
    left = OpenWindow("000", Window(None, NOW - timedelta(days=3), resume="p2"), NOW)
    assert plan_windows(STREAM, StreamPosition(None, (left,)), ReadRequest(), NOW) == (left,)
    assert windows(STREAM, StreamPosition(None, (left,)), ReadRequest(full=True)) == [
        Window(None, NOW - LAG)
    ]


def test_a_cursor_older_than_the_source_remembers_means_reading_all() -> None:
    forgetful = replace(STREAM, history=timedelta(days=30))
    old = StreamPosition((NOW - timedelta(days=29)).isoformat(), ())
    assert windows(forgetful, old) == [Window(None, NOW - LAG)]
    assert windows(forgetful, KNOWN)[0].backfill is False


def test_a_feed_left_open_longer_than_the_source_remembers_is_not_finished() -> None:
    forgetful = replace(STREAM, history=timedelta(days=30))
    old, young = NOW - timedelta(days=29), NOW - timedelta(days=27)
    for since, given_up in ((old, True), (young, False)):
        left = OpenWindow("000", Window(since, NOW, resume="e7", backfill=False), NOW)
        actual = plan_windows(
            forgetful, StreamPosition(since.isoformat(), (left,)), ReadRequest(), NOW
        )
        assert (actual == (left,)) is not given_up
        assert actual[0].window.backfill is given_up
    left = OpenWindow("000", Window(None, old, resume="p2"), old)
    assert plan_windows(forgetful, StreamPosition(None, (left,)), ReadRequest(), NOW) == (left,)


def test_a_token_is_kept_for_good() -> None:
    stream = replace(STREAM, cursor="token")
    assert windows(stream, StreamPosition("abc", ())) == [
        Window(None, NOW - LAG, "abc", backfill=False)
    ]
    assert compute_next_cursor(stream, (), "def") == "def"


def test_a_range_is_read_beside_the_cursor() -> None:
    since, until = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    assert windows(STREAM, KNOWN, ReadRequest(since=since, until=until)) == [Window(since, until)]


@given(st.timedeltas(timedelta(0), timedelta(days=4000)))
def test_the_parts_of_a_split_backfill_leave_no_gap_and_do_not_overlap(ago: timedelta) -> None:
    since, splits = NOW - LAG - ago, replace(STREAM, splits=True)
    whole = plan_windows(splits, NEW, ReadRequest(since=since), NOW)
    assert [opened.window for opened in whole] == [Window(since, NOW - LAG)]
    parts = [opened.window for opened in split_backfill(splits, whole)]
    assert bool(parts) is (ago > BACKFILL_EDGES[-1])
    if not parts:
        return
    assert parts[0].since == since
    assert parts[-1].until == NOW - LAG
    for before, after in pairwise(parts):
        assert before.until == after.since


@pytest.mark.parametrize("splits", [True, False])
def test_the_cursor_is_the_end_of_what_was_read(splits: bool) -> None:
    stream = replace(STREAM, splits=splits)
    opened = plan_windows(stream, NEW, ReadRequest(), NOW)
    assert compute_next_cursor(stream, opened, None) == (NOW - LAG).isoformat()


def test_parts_and_changes_are_not_cut_again() -> None:
    splits = replace(STREAM, splits=True)
    assert split_backfill(STREAM, plan_windows(STREAM, NEW, ReadRequest(), NOW)) == ()
    assert split_backfill(splits, plan_windows(splits, KNOWN, ReadRequest(), NOW)) == ()
    parts = split_backfill(splits, plan_windows(splits, NEW, ReadRequest(), NOW))
    assert len(parts) == len(BACKFILL_EDGES) + 1
    assert split_backfill(splits, parts) == ()
    assert split_backfill(splits, parts[:1]) == split_backfill(splits, parts[-1:]) == ()
    assert {part.opened_at for part in parts} == {NOW}
