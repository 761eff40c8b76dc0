"""Health, playbooks and metrics say the same of the same answers and the same days."""

from datetime import timedelta
from random import Random
from typing import Any

import pytest

from cs_sync.follow_ups.drops import Timeline
from cs_sync.metrics.kpi import build_kpi_rows
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import find_period
from cs_sync.metrics.registry import list_builtin_metrics
from cs_sync_schemas import SurveyResponse, UsageDay
from tests.health.conftest import DAY, SCOPE, Workspace

SOURCES = ("hubspot", "zendesk")


def measure(workspace: Workspace, name: str, settings: dict[str, Any]) -> tuple[float, float]:
    """Numerator and denominator of a metric of the day."""
    scope = Scope((find_period(DAY, "day", "UTC"),), settings={name: settings})
    [metric] = [item for item in list_builtin_metrics() if item.name == name]
    with workspace.engine.connect() as connection:
        rows = [row._asdict() for row in connection.execute(metric.build_statement(scope))]
    [row] = build_kpi_rows(metric, scope, rows)
    return row.numerator or 0, row.denominator or 0


@pytest.mark.slow("scores whole books")
@pytest.mark.parametrize("seed", range(20))
def test_csat_of_the_metric_is_csat_of_the_playbook(workspace: Workspace, seed: int) -> None:
    """Who answers often counts once, by the latest answer; equal times are ranked alike."""
    random = Random(seed)
    workspace.account("acme", *SOURCES)
    people = ["ana", "ben", "cyd", "dan", None]
    for person in people:
        if person:
            workspace.person(person, "acme", *SOURCES)
    hours = [timedelta(hours=random.randrange(24 * 75)) for _ in range(12)]
    for number in range(40):
        workspace.add(
            SurveyResponse,
            source=random.choice(SOURCES),
            source_id=str(number),
            account_source_id="acme",
            contact_source_id=random.choice(people),
            kind="csat",
            score=float(random.randint(1, 5)),
            scale_min=1.0,
            scale_max=5.0,
            answered_at=SCOPE.until - random.choice(hours) - timedelta(microseconds=1),
        )
    timeline = Timeline(workspace.evidence()["acme"].ratings, 30)
    share = timeline.recent(SCOPE.until - timedelta(microseconds=1))
    assert (share.satisfied, share.answers) == measure(workspace, "csat", {"window_days": 30})
    assert share.answers


@pytest.mark.parametrize(
    ("row", "days"),
    [
        ({"events": 1}, 1),
        ({"sessions": 1}, 1),
        ({"seconds": 30}, 1),
        ({"events": 0, "sessions": 0, "seconds": 0}, 0),
        ({}, 0),
    ],
)
def test_a_day_of_use_is_one_in_health_and_in_metrics(
    workspace: Workspace, row: dict[str, int], days: int
) -> None:
    workspace.account("acme", "posthog")
    use = {"source": "posthog", "source_id": "1", "account_source_id": "acme", "day": DAY}
    workspace.add(UsageDay, **use, **row)
    assert workspace.values("active_days_28") == {"acme": days}
    assert measure(workspace, "mau", {})[0] == days
