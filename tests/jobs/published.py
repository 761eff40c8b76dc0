"""The small company after a whole run, without the seconds that its report takes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from msgspec.structs import replace

from cs_sync.contracts.errors import ConfigError
from cs_sync.metrics.kpi import KpiRow
from cs_sync.queries.metrics import MetricRequest, query_kpis
from cs_sync.runtime.workspace import Workspace
from tests.jobs.road import CONFIG, Place, small_company

WRITING = """
    [connectors.webhook]
    url = "http://127.0.0.1:9/health"
    signing_secret = "whsec_bm90IGEgc2VjcmV0LCBub3QgYSBzZWNyZXQsIG5vdA=="
    [write_back]
    destination = "webhook"
    max_change = 1
    [follow_ups]
    assignee = "sam@ours.example"
    start = 2026-01-01
"""
"""Follow-ups are stored where there is somewhere to write them."""


def without_report(patch: pytest.MonkeyPatch) -> None:
    """The report takes seconds to draw, and shows nothing of this."""

    def refuse(*_: Any) -> None:
        raise ConfigError("no report here", "")

    patch.setattr("cs_sync.jobs.run.write_report", refuse)


def company_with_tasks(path: Path, database: str = "") -> Place:
    """The small company, whose follow-ups go to a webhook."""
    place = small_company(path)
    place.configure(CONFIG + WRITING + database)
    return place


FEW = ("mrr", "arpa", "nps", "nrr", "grr", "customer_churn_rate", "churn_by_reason")
"""Metrics of every kind: money, a rate, a score, and one that is split."""


def choose_kpis(patch: pytest.MonkeyPatch, names: Sequence[str]) -> None:
    """Most of a small company's run is its KPIs: compute these alone."""

    def query(workspace: Workspace, request: MetricRequest) -> list[KpiRow]:
        return query_kpis(workspace, replace(request, names=names)) if names else []

    patch.setattr("cs_sync.queries.figures.query_kpis", query)


@contextmanager
def quiet_run(names: Sequence[str] = FEW) -> Iterator[None]:
    """No report is drawn, the webhook takes everything, and these KPIs are published."""
    with pytest.MonkeyPatch.context() as patch, respx.mock(assert_all_called=False) as vendor:
        without_report(patch)
        choose_kpis(patch, names)
        vendor.route(port=9).mock(return_value=httpx.Response(204))
        yield
