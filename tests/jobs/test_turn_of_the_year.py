"""The main job begins in one year and ends in the next: both years add up, each thing once."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from cs_sync.config import load_config
from cs_sync.contracts.events import Event
from cs_sync.jobs.run import run_pipeline
from cs_sync.plugins import load_plugins
from cs_sync.queries.metrics import MetricRequest, query_metrics, query_mrr
from cs_sync.runtime.workspace import Workspace, open_workspace
from tests.conftest import Clock
from tests.jobs.road import Place

pytestmark = pytest.mark.slow("runs everything over two years")

ZONES = {"Europe/Berlin": "2026-12-31T23:00", "America/New_York": "2027-01-01T05:00"}
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
NEW_YEAR = date(2027, 1, 1)

BOOKS = {
    "accounts.csv": """
        source_id,name
        old,Old
        last,Last
        first,First
        """,
    "subscriptions.csv": """
        source_id,account,status,started_at,currency,ended_at
        s-old,old,canceled,2026-01-01,EUR,2027-01-01
        s-last,last,active,2026-12-31T23:59:59,EUR,
        s-first,first,active,2027-01-01T00:00:00,EUR,
        """,
    "subscription_items.csv": """
        source_id,subscription,valid_from,unit_amount,quantity,interval,interval_count
        i-old,s-old,2026-01-01,1000,1,month,1
        i-last,s-last,2026-12-31T23:59:59,200,1,month,1
        i-first,s-first,2027-01-01T00:00:00,30,1,month,1
        """,
    "usage_days.csv": """
        account,contact,day,events
        old,ann,2026-12-31,5
        last,ben,2026-12-31,1
        last,ben,2027-01-01,2
        """,
}
BRIDGES = {
    "2026-12": {"opening": 1000, "new": 200, "churn": 0, "closing": 1200},
    "2027-01": {"opening": 1200, "new": 30, "churn": 1000, "closing": 230},
}


@pytest.fixture(params=ZONES)
def zone(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def place(tmp_path: Path, zone: str) -> Place:
    made = Place(tmp_path)
    made.configure(f"""
        [workspace]
        timezone = "{zone}"
        currency = "EUR"
        [connectors.files]
        path = "data"
        """)
    for name, text in BOOKS.items():
        made.write(f"data/{name}", dedent(text).lstrip())
    return made


def at(place: Place, clock: Clock, do: Callable[[Workspace], Any], midnight: datetime) -> Any:
    """Do something; as soon as the sync is over, the year is, too."""

    def emit(event: Event) -> None:
        if event.name == "stream_ended" and clock.now < midnight:
            clock.now = midnight + 5 * MINUTE

    plugins = load_plugins()
    config = load_config(place.path / "cs_sync.toml", plugins)
    with open_workspace(config, plugins, emit=emit, clock=clock) as workspace:
        return do(workspace)


def test_both_years_add_up(place: Place, zone: str) -> None:
    midnight = datetime.fromisoformat(ZONES[zone]).replace(tzinfo=UTC)
    clock = Clock(midnight - 5 * MINUTE)
    first = at(place, clock, run_pipeline, midnight)
    assert first.summary.started_at < midnight < first.summary.ended_at
    clock.now = midnight + DAY
    again = at(place, clock, run_pipeline, midnight)
    assert (first.summary.status, again.summary.status) == ("ok", "ok")
    assert sum(row["changed"] for row in place.select("SELECT changed FROM run_stream")) == 12
    clock.now = midnight + 32 * DAY

    def bridges(workspace: Workspace) -> list[dict[str, Any]]:
        return query_mrr(workspace, since=date(2026, 12, 1), until=date(2027, 2, 1))

    rows = {str(row["period_start"])[:7]: row for row in at(place, clock, bridges, midnight)}
    assert {
        month: {name: row[name] for name in BRIDGES[month]} for month, row in rows.items()
    } == BRIDGES
    assert all(row["restatement"] == 0 for row in rows.values())

    def users(workspace: Workspace) -> list[dict[str, Any]]:
        return query_metrics(
            workspace,
            MetricRequest(since=NEW_YEAR - DAY, until=NEW_YEAR + DAY, names=["dau"], grain="day"),
        )

    actual = {
        str(row["period_start"]): row["numerator"] for row in at(place, clock, users, midnight)
    }
    assert actual == {"2026-12-31": 2, "2027-01-01": 1}
