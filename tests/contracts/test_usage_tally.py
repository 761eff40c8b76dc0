"""Counting of events into usage by day: persons, sessions, features, repeats, rejections."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cs_sync import MappingError, UsageTally, UsedEvent
from cs_sync.contracts import usage
from cs_sync_schemas import FeatureDay, SourceAccount, UsageDay


def at(hour: int, minute: int = 0, day: int = 20) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def tally_of(*events: UsedEvent, zone: str = "UTC", by_person: tuple[str, ...] = ()) -> UsageTally:
    tally = UsageTally(ZoneInfo(zone), by_person)
    tally.count_events(events, lambda event: [event])
    return tally


def test_sessions_are_spans_of_their_events_on_a_day() -> None:
    """Hand-worked: s1 from 9:00 to 9:20, whatever the order; s2 is one event."""
    [page] = tally_of(
        UsedEvent(at(9, 20), "42", "u-1", session="s1"),
        UsedEvent(at(9), "42", "u-1", session="s1"),
        UsedEvent(at(11), "42", "u-1", session="s2"),
        UsedEvent(at(9), "42", "u-2"),
    ).list_pages()
    assert page.records[UsageDay] == [
        {
            "source_id": "2026-11-20|42|u-1", "day": date(2026, 11, 20), "account_source_id": "42",
            "contact_source_id": "u-1", "events": 3, "sessions": 2, "seconds": 1200,
        },
        {
            "source_id": "2026-11-20|42|u-2", "day": date(2026, 11, 20), "account_source_id": "42",
            "contact_source_id": "u-2", "events": 1, "sessions": None, "seconds": None,
        },
    ]  # fmt: skip


def test_a_feature_counts_its_people_once() -> None:
    [page] = tally_of(
        UsedEvent(at(9), "42", "u-1", "export"),
        UsedEvent(at(10), "42", "u-1", "export"),
        UsedEvent(at(10), "42", "u-2", "export"),
        UsedEvent(at(10), "42", "u-2", "import"),
        by_person=("import",),
    ).list_pages()
    rows = [
        (row["source_id"], row["users"], row["events"], row["contact_source_id"])
        for row in page.records[FeatureDay]
    ]
    assert rows == [
        ("2026-11-20|42|export|", 2, 3, None), ("2026-11-20|42|import|u-2", 1, 1, "u-2"),
    ]  # fmt: skip
    assert page.deleted == {FeatureDay: ["2026-11-20|42|import|"]}


def test_days_are_those_of_the_zone() -> None:
    [page] = tally_of(UsedEvent(at(23, 30), "42", "u-1"), zone="Europe/Warsaw").list_pages()
    assert page.records[UsageDay][0]["day"] == date(2026, 11, 21)


def test_a_known_event_counts_once_for_each_of_its_accounts() -> None:
    twice = [UsedEvent(at(9), account, "u-1", key="k") for account in ("42", "43", "42")]
    tally = tally_of(*twice, UsedEvent(at(9), "42", "u-1"), UsedEvent(at(9), "42", "u-1"))
    [page] = tally.list_pages()
    assert [row["events"] for row in page.records[UsageDay]] == [3, 1]
    assert tally.accounts == ["42", "43"]


def test_what_cannot_be_read_is_one_rejection_for_each_reason() -> None:
    def read(raw: Any) -> list[UsedEvent]:
        if raw == "late":
            raise MappingError("late", "too late")
        return [UsedEvent(at(9), raw["account"], "u-1")]

    tally = UsageTally(ZoneInfo("UTC"))
    tally.count_events(["late", {"account": "42"}, {}, "late"], read)
    [page] = tally.list_pages()
    assert len(page.records[UsageDay]) == 1
    assert [(each.code, each.reason, each.raw) for each in page.rejected] == [
        ("late", "2 events: too late", "late"),
        ("malformed", "an event: not shaped as documented: KeyError", {}),
    ]


def test_many_rows_come_in_pages_and_none_is_one_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "PAGE_ROWS", 2)
    tally = tally_of(*(UsedEvent(at(9), "42", f"u-{n}", "export") for n in range(3)))
    pages = tally.list_pages([(SourceAccount, {"source_id": "42"})])
    shown = [{kind.__name__: len(rows) for kind, rows in page.records.items()} for page in pages]
    assert shown == [
        {"UsageDay": 1, "SourceAccount": 1}, {"UsageDay": 2}, {"UsageDay": 0, "FeatureDay": 1},
    ]  # fmt: skip
    [empty] = tally_of().list_pages()
    assert empty.records == {UsageDay: []}
