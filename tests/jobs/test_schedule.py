"""The schedule: every slot once, whoever asks and whatever the clocks do."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from cs_sync.config import load_config
from cs_sync.config.cron import find_last_slot, find_next_slot, validate_cron
from cs_sync.contracts.errors import ConfigError, LeaseHeld, StoreError, Unreachable
from cs_sync.jobs.schedule import Scheduler, compute_jitter
from cs_sync.plugins import load_plugins
from cs_sync.runtime.run_session import record_run
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.engine import Store
from cs_sync.store.leases import acquire_lease
from cs_sync.store.reconnect import ConnectionLost
from cs_sync.store.schedule_slots import SLOT, SlotClaim, claim_slot, end_slot
from cs_sync.sync.session import Interrupted
from cs_sync_schemas.tables import RUN
from tests.conftest import Clock, migrated_sqlite

pytestmark = pytest.mark.slow("runs everything in many slots")

WARSAW = ZoneInfo("Europe/Warsaw")
YEARS = (datetime(2024, 1, 1), datetime(2030, 1, 1))  # noqa: DTZ001 - hypothesis adds the zone


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def slots(cron: str, zone: ZoneInfo, start: str, count: int) -> list[str]:
    """The slots after a local time, as UTC."""
    at = datetime.fromisoformat(start).replace(tzinfo=zone).astimezone(UTC)
    actual = []
    for _ in range(count):
        at = find_next_slot(cron, zone, at)
        actual.append(f"{at:%Y-%m-%dT%H:%M}")
    return actual


class TestSlots:
    def test_a_time_that_the_clocks_skip_is_due_when_they_were_put_forward(self) -> None:
        # Warsaw, 29 March 2026: 02:00 becomes 03:00, which is 01:00 UTC.
        assert slots("30 2 * * *", WARSAW, "2026-03-28T12:00", 2) == [
            "2026-03-29T01:00",
            "2026-03-30T00:30",
        ]

    def test_a_time_that_the_clocks_show_twice_is_due_once(self) -> None:
        # Warsaw, 25 October 2026: 03:00 becomes 02:00; the first 02:30 is 00:30 UTC.
        assert slots("30 2 * * *", WARSAW, "2026-10-24T12:00", 2) == [
            "2026-10-25T00:30",
            "2026-10-26T01:30",
        ]

    def test_within_the_hour_that_comes_twice_the_slot_is_behind_us(self) -> None:
        second_time = utc("2026-10-25T01:10:00")  # 02:10 in Warsaw, again
        assert find_last_slot("30 2 * * *", WARSAW, second_time) == utc("2026-10-25T00:30:00")
        assert find_next_slot("30 2 * * *", WARSAW, second_time) == utc("2026-10-26T01:30:00")

    def test_every_hour_stays_every_hour_over_both_changes(self) -> None:
        assert slots("0 * * * *", WARSAW, "2026-10-25T00:30", 4) == [
            "2026-10-24T23:00",
            "2026-10-25T00:00",
            "2026-10-25T01:00",
            "2026-10-25T02:00",
        ]

    def test_the_year_ends(self) -> None:
        # Midnight in Warsaw is 23:00 UTC of the day before.
        assert slots("0 0 * * *", WARSAW, "2026-12-31T12:00", 1) == ["2026-12-31T23:00"]
        assert slots("0 0 29 2 *", WARSAW, "2026-12-31T12:00", 1) == ["2028-02-28T23:00"]

    @pytest.mark.parametrize("cron", ["0 0 31 2 *", "0 0 31 4,6 *"])
    def test_a_day_that_never_comes_is_refused(self, cron: str) -> None:
        with pytest.raises(ValueError, match="is never due"):
            validate_cron(cron)

    @given(
        st.sampled_from(["15 5 * * *", "30 2 * * *", "*/20 * * * *", "0 3 1 * 1", "5 */6 * * *"]),
        st.sampled_from(["UTC", "Europe/Warsaw", "America/New_York", "Australia/Lord_Howe"]),
        st.datetimes(*YEARS, timezones=st.just(UTC)),
    )
    def test_now_lies_between_the_last_slot_and_the_next(
        self, cron: str, name: str, now: datetime
    ) -> None:
        zone = ZoneInfo(name)
        last, coming = find_last_slot(cron, zone, now), find_next_slot(cron, zone, now)
        assert last <= now < coming
        assert find_next_slot(cron, zone, last) == coming
        assert find_last_slot(cron, zone, last) == last
        assert find_last_slot(cron, zone, coming) == coming


def claim(slot: datetime, holder: str = "a") -> SlotClaim:
    return SlotClaim("run", slot, holder)


HOUR = timedelta(hours=1)
NINE = utc("2026-11-21T09:00:00")


class TestClaims:
    def test_one_of_two_gets_the_slot(self, store: Store) -> None:
        with store.write() as connection:
            assert claim_slot(connection, claim(NINE, "a"), NINE)
        with store.write() as connection:
            assert not claim_slot(connection, claim(NINE, "b"), NINE)

    def test_many_at_once_and_one_gets_it(self, store: Store) -> None:
        won: list[str] = []

        def compete(holder: str) -> None:
            with store.write() as connection:
                if claim_slot(connection, claim(NINE, holder), NINE):
                    won.append(holder)

        threads = [threading.Thread(target=compete, args=(f"h{n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1

    @pytest.mark.parametrize(
        ("status", "free"),
        [("ok", False), ("partial", False), ("failed", False), ("interrupted", True)],
    )
    def test_only_an_interrupted_slot_is_claimed_again(
        self, store: Store, status: str, free: bool
    ) -> None:
        with store.write() as connection:
            claim_slot(connection, claim(NINE), NINE)
            end_slot(connection, claim(NINE), status, NINE)
            assert claim_slot(connection, claim(NINE, "b"), NINE) is free

    def test_a_slot_whose_holder_vanished_is_free_when_nobody_works(self, store: Store) -> None:
        later = NINE + timedelta(minutes=6)
        with store.write() as connection:
            claim_slot(connection, claim(NINE), NINE)
            held = acquire_lease(connection, "another run", later)
            assert not claim_slot(connection, claim(NINE, "b"), later)
            after = later + timedelta(minutes=6)  # the lease has run out
            assert held.token == 1
            assert claim_slot(connection, claim(NINE, "b"), after)
            end_slot(connection, claim(NINE, "a"), "ok", after)  # too late to say anything
            assert connection.scalar(select(SLOT.c.status)) == "running"


@dataclass
class Day:
    """A scheduler whose waiting moves the clock; it stops at `end`."""

    workspace: Workspace
    clock: Clock
    end: datetime
    results: list[str | Exception] = field(default_factory=list)
    performed: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    perform: Callable[[], str] | None = None

    def scheduler(self) -> Scheduler:
        return Scheduler(self.workspace, self._perform, self.stop, self._wait, self.messages.append)

    def run(self) -> list[str]:
        self.scheduler().run()
        return self.performed

    def _perform(self) -> str:
        self.performed.append(f"{self.clock.now:%d %H:%M}")
        self.clock.advance(minutes=2)
        result = self.results.pop(0) if self.results else "ok"
        if isinstance(result, Exception):
            raise result
        return result

    def _wait(self, seconds: float) -> None:
        assert seconds > 0
        self.waited.append(seconds)
        self.clock.advance(seconds=seconds)
        if self.clock.now >= self.end:
            self.stop.set()


Open = Callable[..., Day]


@contextmanager
def opened(folder: Path, clock: Clock, text: str) -> Iterator[Workspace]:
    path = folder / "cs_sync.toml"
    path.write_text(text)
    plugins = load_plugins(["files", "stripe", "hubspot", "zendesk", "posthog", "sandbox"])
    with migrated_sqlite(folder) as store:
        yield Workspace(load_config(path, plugins), plugins, store, lambda _event: None, clock)


@pytest.fixture
def day(tmp_path: Path, clock: Clock) -> Iterator[Open]:
    """A scheduler at 15 past five in Warsaw, from now (21 November, 10:00 there) until an end."""
    text = '[workspace]\ntimezone = "Europe/Warsaw"\n[schedule]\ncron = "15 5 * * *"\njitter = 0\n'
    with opened(tmp_path, clock, text) as workspace:

        def make(end: str, results: Sequence[str | Exception] = ()) -> Day:
            return Day(workspace, clock, utc(end), list(results))

        yield make


class TestScheduler:
    def test_it_runs_once_a_day_and_not_for_what_was_before_the_first_start(
        self, day: Open
    ) -> None:
        assert day("2026-11-24T12:00:00").run() == ["22 04:15", "23 04:15", "24 04:15"]

    def test_it_never_waits_longer_than_a_minute_at_a_time(self, day: Open) -> None:
        made = day("2026-11-22T05:00:00")
        made.run()
        assert max(made.waited) == 60

    def test_missed_slots_are_run_once(self, day: Open, clock: Clock) -> None:
        day("2026-11-22T05:00:00").run()
        clock.advance(days=5)  # the machine was off
        assert day("2026-11-27T06:00:00").run() == ["27 05:00"]

    def test_a_restart_runs_no_slot_again(self, day: Open, clock: Clock) -> None:
        assert day("2026-11-22T05:00:00").run() == ["22 04:15"]
        assert day("2026-11-22T06:00:00").run() == []

    def test_a_clock_that_jumps_back_runs_no_slot_again(self, day: Open, clock: Clock) -> None:
        assert day("2026-11-22T05:00:00").run() == ["22 04:15"]
        clock.advance(hours=-3)
        assert day("2026-11-22T06:00:00").run() == []

    def test_a_stopped_run_goes_on_after_the_restart(self, day: Open, clock: Clock) -> None:
        stopped = day("2026-11-22T04:17:00", [Interrupted("stopped", "run it again")])
        assert stopped.run() == ["22 04:15"]
        clock.advance(hours=1)
        assert day("2026-11-22T06:00:00").run() == ["22 05:18"]
        assert day("2026-11-22T07:00:00").run() == []

    @pytest.mark.parametrize("error", [LeaseHeld("another run works"), ConnectionLost("away")])
    def test_an_interrupted_slot_is_taken_up_within_a_minute(
        self, day: Open, error: Exception
    ) -> None:
        made = day("2026-11-22T05:00:00", [error, "ok"])
        assert made.run() == ["22 04:15", "22 04:18"]
        assert made.messages == [str(error)]

    @pytest.mark.parametrize(
        ("error", "left"),
        [
            (ConnectionLost("the database was away"), "interrupted"),
            (Interrupted("stopped", "run it again"), "interrupted"),
            (Unreachable("no answer"), "failed"),
        ],
    )
    def test_a_run_whose_database_was_away_leaves_its_slot_to_the_next(
        self, day: Open, clock: Clock, error: Exception, left: str
    ) -> None:
        workspace = day("2026-11-22T05:00:00").workspace
        slot = SlotClaim("run", clock(), "a")
        with pytest.raises(type(error)), record_run(workspace, "run", slot):
            raise error
        with workspace.store.read() as connection:
            assert connection.scalar(select(SLOT.c.status)) == left
            assert connection.scalar(select(RUN.c.status)) == left

    @pytest.mark.parametrize("error", [Unreachable("no answer"), ValueError("a bug")])
    def test_a_failed_run_waits_for_the_next_slot(self, day: Open, error: Exception) -> None:
        made = day("2026-11-23T05:00:00", [error])
        assert made.run() == ["22 04:15", "23 04:15"]
        assert str(error) in made.messages[0]

    def test_a_database_in_trouble_is_asked_again(
        self, day: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = day("2026-11-22T05:00:00")
        read, failures = made.workspace.store.read, [StoreError("locked"), StoreError("locked")]

        def failing() -> object:
            if failures:
                raise failures.pop()
            return read()

        monkeypatch.setattr(made.workspace.store, "read", failing)
        assert made.run() == ["22 04:15"]
        assert made.messages == ["locked", "locked"]

    def test_two_schedulers_share_the_slots(self, day: Open, clock: Clock) -> None:
        first, other = day("2026-11-22T05:00:00"), day("2026-11-22T05:00:00")
        assert first.run() == ["22 04:15"]
        clock.now = utc("2026-11-22T04:14:00")
        assert other.run() == []

    def test_without_a_cron_it_says_what_to_add(self, tmp_path: Path, clock: Clock) -> None:
        with opened(tmp_path, clock, "") as workspace, pytest.raises(ConfigError) as refused:
            Day(workspace, clock, clock.now).run()
        assert refused.value.message == "cs_sync.toml has no [schedule] cron"


CHANGES = [
    ("Europe/Berlin", "2026-03-29T01:00:00"),
    ("Europe/Berlin", "2026-10-25T01:00:00"),
    ("Europe/Berlin", "2026-12-31T23:00:00"),
    ("America/New_York", "2026-03-08T07:00:00"),
    ("America/New_York", "2026-11-01T06:00:00"),
    ("America/New_York", "2027-01-01T05:00:00"),
]
"""A zone, and when its clocks are changed or its year ends."""


@pytest.mark.parametrize(("zone", "change"), CHANGES)
class TestClockChanges:
    """Two schedulers, one after the other, around a change: no slot twice and none left out."""

    @staticmethod
    def performed(
        folder: Path, clock: Clock, zone: str, cron: str, *moments: datetime
    ) -> list[datetime]:
        """When the job was begun, in local time, by schedulers that stop at these moments."""
        text = f'[workspace]\ntimezone = "{zone}"\n[schedule]\ncron = "{cron}"\njitter = 0\n'
        began: list[datetime] = []

        def perform() -> str:
            began.append(clock().astimezone(ZoneInfo(zone)))
            return "ok"

        clock.now = moments[0]
        with opened(folder, clock, text) as workspace:
            for end in moments[1:]:
                day = Day(workspace, clock, end)
                Scheduler(workspace, perform, day.stop, day._wait, day.messages.append).run()
                assert day.messages == []
        return began

    def test_half_past_two_is_due_once_on_every_day(
        self, tmp_path: Path, clock: Clock, zone: str, change: str
    ) -> None:
        at = utc(change)
        moments = (at - 25 * HOUR, at + HOUR / 3, at + 27 * HOUR)
        began = self.performed(tmp_path, clock, zone, "30 2 * * *", *moments)
        assert [day - began[0].date() for day in (at.date() for at in began)] == [
            timedelta(days=n) for n in range(3)
        ]
        skipped = change in ("2026-03-29T01:00:00", "2026-03-08T07:00:00")
        times = [f"{at:%H:%M}" for at in began]
        assert times == ["02:30", "03:00" if skipped else "02:30", "02:30"]

    def test_every_quarter_of_an_hour_stays_one(
        self, tmp_path: Path, clock: Clock, zone: str, change: str
    ) -> None:
        at = utc(change)
        moments = (at - 2 * HOUR, at + HOUR / 3, at + 2 * HOUR + HOUR / 60)
        began = self.performed(tmp_path, clock, zone, "*/15 * * * *", *moments)
        assert [at.astimezone(UTC) for at in began] == [
            at - 2 * HOUR + n * HOUR / 4 for n in range(17)
        ]


def test_the_jitter_is_spread_and_steady(tmp_path: Path, clock: Clock) -> None:
    cron = '[schedule]\ncron = "15 5 * * *"\njitter = 100\n'
    with opened(tmp_path, clock, cron) as workspace:
        days = [NINE + timedelta(days=n) for n in range(200)]
        late = [compute_jitter(workspace, slot).total_seconds() for slot in days]
        assert late == [compute_jitter(workspace, slot).total_seconds() for slot in days]
    assert min(late) >= 0
    assert max(late) < 100
    assert 40 < sum(late) / len(late) < 60
