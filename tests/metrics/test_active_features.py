"""Who is active by a list of features, and the time in each section: by hand."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import find_period
from cs_sync_schemas import FeatureDay, UsageDay
from tests.jobs.road import CONFIG, small_company
from tests.metrics.conftest import Ledger

FEBRUARY = find_period(date(2026, 2, 1), "month", "UTC")  # 28 days: period and window coincide
ANY = Scope((FEBRUARY,))
BY_ACTION = Scope((FEBRUARY,), active_features=("export", "invite sent"))


def on(day: int) -> date:
    return date(2026, 1, 31) + timedelta(days=day)


def did(ledger: Ledger, feature: str, who: str | None, *days: int, **fields: Any) -> None:
    given = {"account_source_id": "acme", "contact_source_id": who, "feature": feature} | fields
    key = f"{given['account_source_id']}{who}{feature}"
    for day in days:
        row = {"events": 2, **given, "source_id": f"{key}{day}", "day": on(day)}
        ledger.add(FeatureDay, row)


def used(ledger: Ledger, who: str | None, *days: int, **fields: Any) -> None:
    given = {"account_source_id": "acme", "contact_source_id": who, "events": 9} | fields
    key = f"{given['account_source_id']}{who}"
    for day in days:
        ledger.add(UsageDay, {**given, "source_id": f"{key}{day}", "day": on(day)})


def value(ledger: Ledger, metric: str, scope: Scope) -> Any:
    [row] = ledger.kpis(metric, scope)
    return row.value


def company(ledger: Ledger) -> None:
    """Ann exports on 7 days and looks on 7 more, Bob only looks, Cleo invites once."""
    ledger.account("acme")
    used(ledger, "ann", *range(1, 15), sessions=2, seconds=600)
    used(ledger, "bob", *range(1, 29), sessions=1, seconds=60)
    used(ledger, "cleo", 28, sessions=1, seconds=30)
    did(ledger, "export", "ann", *range(1, 8))
    did(ledger, "page viewed", "bob", *range(1, 29))
    did(ledger, "invite sent", "cleo", 28)


@pytest.mark.slow("computes whole books")
def test_only_who_did_one_of_them_is_active(ledger: Ledger) -> None:
    """7 days of Ann and one of Cleo: 8 of 2 × 28 person-days."""
    company(ledger)
    assert (value(ledger, "mau", ANY), value(ledger, "mau", BY_ACTION)) == (3, 2)
    assert value(ledger, "dau", BY_ACTION) == 8 / 28
    assert value(ledger, "wau", BY_ACTION) == 1
    assert value(ledger, "dau_mau", BY_ACTION) == 8 / 56
    assert value(ledger, "usage_frequency", BY_ACTION) == 4
    states = {row.segment["state"]: row.value for row in ledger.kpis("usage_lifecycle", BY_ACTION)}
    assert states["new"] == 2


def test_sessions_are_those_of_the_days_of_the_active(ledger: Ledger) -> None:
    """Ann's 7 days of 2 sessions and 600 seconds, Cleo's one: 15 sessions, 4230 seconds."""
    company(ledger)
    assert value(ledger, "sessions", ANY) == 57
    assert value(ledger, "sessions", BY_ACTION) == 15
    assert value(ledger, "session_seconds", BY_ACTION) == 4230 / 15
    assert value(ledger, "sessions_per_day", BY_ACTION) == 15 / 28


def test_growth_counts_the_events_of_the_list(ledger: Ledger) -> None:
    """14 events in February against 4 of Ann's in January; what Bob looked at is not asked."""
    company(ledger)
    did(ledger, "export", "ann", -1, -2)
    did(ledger, "page viewed", "ann", -3, events=500)
    assert value(ledger, "usage_growth", BY_ACTION) == (16 - 4) / 4


def test_an_account_without_names_is_one_and_a_source_of_totals_is_nobody(ledger: Ledger) -> None:
    company(ledger)
    ledger.account("beta")
    ledger.account("gamma", source="totals")
    did(ledger, "export", None, 3, 4, account_source_id="beta", users=5)
    used(ledger, None, 5, account_source_id="gamma", source="totals")
    assert value(ledger, "mau", BY_ACTION) == 3
    assert value(ledger, "unnamed_use_rate", BY_ACTION) == 2 / 10


def test_a_name_that_nobody_used_leaves_it_undefined(ledger: Ledger) -> None:
    company(ledger)
    [row] = ledger.kpis("mau", Scope((FEBRUARY,), active_features=("exprot",)))
    assert (row.value, row.status) == (None, "insufficient")


@pytest.mark.slow("computes whole books")
def test_what_the_list_leaves_out_is_told(tmp_path: Path) -> None:
    """A name that nobody used, and a second source that only counts days of use."""
    place = small_company(tmp_path)
    place.configure(f"""{CONFIG}
    [connectors.totals]
    type = "files"
    path = "totals"
    [metrics]
    active_features = ["export", "exprot"]
    """)
    place.write("data/feature_days.csv", "account,feature,day,events\nalpha,export,2026-02-03,5\n")
    place.write("totals/accounts.csv", "source_id,name\nalpha,Alpha\n")
    place.write("totals/usage_days.csv", "account,day,events\nalpha,2026-02-04,5\n")
    place.run("sync")
    asked = place.run("--format", "json", "metrics", "--as-of", "2026-03-01", "--metric", "mau")
    assert [row["value"] for row in asked.rows] == [1]
    output = " ".join(asked.messages.split())
    assert "no source has seen exprot" in output
    assert "active_features: totals only gives totals of use" in output
    quiet = place.run("metrics", "--as-of", "2026-03-01", "--metric", "nrr")
    assert "active_features" not in quiet.messages


def test_time_by_section_adds_up_to_the_session_length(ledger: Ledger) -> None:
    """10 sessions of 1000 seconds: 300 in editor, 200 in reports, and 500 elsewhere."""
    ledger.account("acme")
    ledger.account("untimed")
    used(ledger, "ann", 1, 2, sessions=4, seconds=400)
    used(ledger, "bob", 3, sessions=2, seconds=200)
    used(ledger, "eve", 3, sessions=7, seconds=7000, account_source_id="untimed")
    did(ledger, "editor", "ann", 1, seconds=250)
    did(ledger, "editor", "bob", 3, seconds=50)
    did(ledger, "reports", "ann", 2, seconds=200)
    did(ledger, "reports", "ann", 29, seconds=999)
    did(ledger, "settings", "ann", 2)
    rows = ledger.kpis("section_seconds", ANY)
    assert {row.segment["section"]: (row.value, row.numerator, row.n) for row in rows} == {
        "editor": (30.0, 300, 1), "reports": (20.0, 200, 1), None: (50.0, 500, 1),
    }  # fmt: skip
    assert sum(row.value or 0 for row in rows) == 1000 / 10


def test_sections_that_overlap_and_time_without_sessions(ledger: Ledger) -> None:
    ledger.account("acme")
    did(ledger, "editor", "ann", 1, seconds=250)
    [alone] = ledger.kpis("section_seconds", ANY)
    assert (alone.value, alone.numerator) == (None, 250)
    used(ledger, "ann", 1, sessions=2, seconds=200)
    rows = ledger.kpis("section_seconds", ANY)
    assert {row.segment["section"]: row.value for row in rows} == {"editor": 125.0, None: 0.0}
