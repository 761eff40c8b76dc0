"""Who is active, and how often."""

from datetime import date, timedelta
from typing import Any

import pytest

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import find_period
from cs_sync_schemas import AccountLink, Contact, ContactLink, UsageDay
from tests.metrics.conftest import Ledger

FEBRUARY = find_period(date(2026, 2, 1), "month", "UTC")  # 28 days: period and window coincide


def used(ledger: Ledger, contact: str | None, *days: int, **fields: Any) -> None:
    ledger.add(
        UsageDay,
        *(
            {
                "source_id": f"{contact}{fields.get('account_source_id')}{day}",
                "contact_source_id": contact, "day": date(2026, 1, 31) + timedelta(days=day),
                "events": 3, **fields,
            }
            for day in days
        ),
    )  # fmt: skip


def value(ledger: Ledger, metric: str, scope: Scope = Scope((FEBRUARY,))) -> Any:  # noqa: B008
    [row] = ledger.kpis(metric, scope)
    return row.value


def test_by_hand(ledger: Ledger) -> None:
    """Ann on 14 days, Bob on 7 of 28: 21 person-days, 0.75 a day of 2 people, 37.5 %."""
    used(ledger, "ann", *range(1, 15))
    used(ledger, "bob", *range(22, 29))
    assert value(ledger, "dau") == 0.75
    assert value(ledger, "mau") == 2
    assert value(ledger, "wau") == 1
    [row] = ledger.kpis("dau_mau", Scope((FEBRUARY,)))
    assert (row.value, row.numerator, row.denominator, row.n) == (0.375, 21, 56, 2)


def test_the_window_ends_with_the_period(ledger: Ledger) -> None:
    used(ledger, "ann", 0)  # 31 January
    used(ledger, "bob", 29)  # 1 March
    used(ledger, "cem", 1, 28)
    assert value(ledger, "mau") == 1


def test_a_day_has_its_own_daily_users(ledger: Ledger) -> None:
    used(ledger, "ann", 1, 2)
    used(ledger, "bob", 2)
    day = find_period(date(2026, 2, 2), "day", "UTC")
    assert value(ledger, "dau", Scope((day,))) == 2
    assert value(ledger, "mau", Scope((day,))) == 2


def test_someone_without_events_or_sessions_was_not_active(ledger: Ledger) -> None:
    used(ledger, "ann", 1, events=0)
    used(ledger, "bob", 1, events=0, sessions=1)
    assert value(ledger, "mau") == 1


def test_one_person_in_two_sources_is_one(ledger: Ledger) -> None:
    used(ledger, "ann", 1, 2)
    used(ledger, "ann@acme", 2, 3, source="other")
    ledger.add(Contact, {"id": "ann"})
    ledger.add(
        ContactLink,
        {"source_id": "ann", "contact_id": "ann"},
        {"source": "other", "source_id": "ann@acme", "contact_id": "ann"},
    )
    assert value(ledger, "mau") == 1
    assert value(ledger, "dau") == pytest.approx(3 / 28)


def test_an_account_counts_as_one_only_where_its_people_are_unknown(ledger: Ledger) -> None:
    ledger.account("a")
    ledger.account("b")
    used(ledger, None, 1, 2, account_source_id="a")
    used(ledger, None, 1, account_source_id="b")
    used(ledger, "bob", 1, account_source_id="b")
    assert value(ledger, "mau") == 2
    assert value(ledger, "dau") == pytest.approx(3 / 28)
    assert value(ledger, "unnamed_use_rate") == 3 / 4


def test_a_day_without_a_name_is_no_further_person(ledger: Ledger) -> None:
    """Bob on the 1st and 2nd; the account's own row of the 2nd says nothing new, that of the 9th
    is a day of one of its people: of the one person known, not of a second. Aaron, last seen in
    January, is not taken for it."""
    ledger.account("b")
    used(ledger, "bob", 1, 2, account_source_id="b")
    used(ledger, "aaron", -5, account_source_id="b")
    used(ledger, None, 2, 9, account_source_id="b", sessions=1, seconds=60)
    assert value(ledger, "mau") == 1
    assert value(ledger, "dau") == pytest.approx(3 / 28)
    [row] = ledger.kpis("dau_mau", Scope((FEBRUARY,)))
    assert (row.numerator, row.denominator, row.n) == (3, 28, 1)
    assert value(ledger, "sessions") == 1
    [row] = ledger.kpis("unnamed_use_rate", Scope((FEBRUARY,)))
    assert (row.numerator, row.denominator, row.n) == (2, 4, 4)


def test_names_of_one_source_cover_the_accounts_rows_of_another(ledger: Ledger) -> None:
    ledger.account("b")
    ledger.add(AccountLink, {"source": "other", "source_id": "b2", "account_id": "b"})
    used(ledger, "bob", 1, account_source_id="b")
    used(ledger, None, 1, account_source_id="b2", source="other")
    assert value(ledger, "mau") == 1
    assert value(ledger, "dau") == pytest.approx(1 / 28)


def test_test_accounts_are_left_out_and_segments_kept_apart(ledger: Ledger) -> None:
    ledger.account("a", attributes={"size": 50})
    ledger.account("t", is_test=True)
    used(ledger, "ann", 1, account_source_id="a")
    used(ledger, "tim", 1, account_source_id="t")
    used(ledger, "joe", 1)
    rows = ledger.kpis("mau", Scope((FEBRUARY,), by=("size",)))
    assert {(r.segment["size"], r.value) for r in rows} == {("50", 1), (None, 1)}


def test_weekends_can_be_left_out(ledger: Ledger) -> None:
    """1 February 2026 is a Sunday: 20 of the 28 days are weekdays, of Ann's 10 days 7 are."""
    used(ledger, "ann", *range(1, 11))
    scope = Scope((FEBRUARY,), settings={"dau_mau": {"weekdays_only": True}})
    assert value(ledger, "dau_mau") == 10 / 28
    [row] = ledger.kpis("dau_mau", scope)
    assert (row.numerator, row.denominator, row.value) == (7, 20, 0.35)


def test_the_lifecycle_of_use(ledger: Ledger) -> None:
    """By weeks: Ann joins and stays, Bob stops and comes back two weeks later, Cem is new then."""
    used(ledger, "ann", 2, 9, 16)  # Mondays; the first is 2 February
    used(ledger, "bob", 3, 17)
    used(ledger, "cem", 18)

    def states(day: int) -> dict[Any, Any]:
        week = find_period(date(2026, 2, day), "week", "UTC")
        rows = ledger.kpis("usage_lifecycle", Scope((week,)))
        return {row.segment["state"]: row.value for row in rows}

    assert states(2) == {"new": 2}
    assert states(9) == {"returning": 1, "dormant": 1}
    assert states(16) == {"returning": 1, "resurrecting": 1, "new": 1}
    assert states(23) == {"dormant": 3}
    assert states(2 - 1) == {}
