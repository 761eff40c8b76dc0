"""Publication of figures for BI: the tables behind the views, as far as they changed."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from cs_sync.metrics.bridge import BridgeRow
from cs_sync.metrics.kpi import KpiRow
from cs_sync.metrics.periods import get_day_start
from cs_sync.queries.figures import Figures
from cs_sync.queries.metrics import MetricRequest, query_kpis, select_metrics, select_periods
from cs_sync.report import TREND_METRICS
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.run_session import RunSession, record_run
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.published import save_kpis, save_mrr_months, save_publication

MOVEMENTS = (
    "opening", "new", "reactivation", "expansion", "contraction", "churn", "fx", "restatement",
    "closing",
)  # fmt: skip


def publish_figures(recorded: RunSession, figures: Figures) -> None:
    """Store a run's figures for BI, and how fresh they are."""
    workspace, now = recorded.workspace, recorded.workspace.clock()
    kpis = build_kpi_rows([*figures.kpis, *figures.trends], now)
    months = build_mrr_rows(figures.bridge.rows, str(workspace.config.workspace.timezone), now)
    newest = {row.period_start for row in figures.kpis}
    earlier = {row.period_start for row in figures.trends}
    first = figures.bridge.scope.periods[0].start
    publication = _build_publication(recorded, now)

    def covers(metric: str, month: date) -> bool:
        return month in newest or (month in earlier and metric in TREND_METRICS)

    def save(connection: Connection) -> None:
        save_publication(connection, publication)
        save_kpis(connection, kpis, min(newest | earlier, default=first), covers)
        save_mrr_months(connection, months, first)

    recorded.transact(save)


def publish_kpis(workspace: Workspace, request: MetricRequest) -> None:
    """Compute KPIs of past months and store them for BI.

    This is a recorded run.

    Args:
        workspace: The workspace.
        request: Months, whole (without attributes), under the configured policy, as known now.
    """
    periods = select_periods(workspace, request.as_of, request.since, request.until, "month")
    months = {period.start for period in periods}
    with record_run(workspace, "metrics --publish") as recorded:
        rows, now = query_kpis(workspace, request), workspace.clock()
        metrics = {metric.name for metric in select_metrics(workspace, request)}
        publication, kpis = _build_publication(recorded, now), build_kpi_rows(rows, now)

        def covers(metric: str, month: date) -> bool:
            return month in months and metric in metrics

        def save(connection: Connection) -> None:
            save_publication(connection, publication)
            save_kpis(connection, kpis, min(months), covers)

        recorded.transact(save)
        recorded.statuses.append("ok")


def build_kpi_rows(rows: Iterable[KpiRow], now: datetime) -> list[dict[str, Any]]:
    """Build rows of `kpi`.

    Texts of the key are empty where there is nothing.

    Args:
        rows: KPIs by month, without attributes.
        now: The time of the change, if it is one.
    """
    return [
        {
            "metric": row.metric,
            "period_start": row.period_start,
            "period_end": row.period_end,
            "currency": row.currency or "",
            "dimension": ", ".join(row.segment),
            "dimension_value": ", ".join(str(value or "") for value in row.segment.values()),
            "value": row.value,
            "unit": row.unit,
            "numerator": row.numerator,
            "denominator": row.denominator,
            "n": row.n,
            "low": row.low,
            "high": row.high,
            "status": row.status,
            "stale_since": row.stale_since,
            "changed_at": now,
        }
        for row in rows
    ]


def build_mrr_rows(rows: Sequence[BridgeRow], zone: str, now: datetime) -> list[dict[str, Any]]:
    """Build rows of `mrr_month`.

    Args:
        rows: The bridge by month and currency.
        zone: The reporting zone.
        now: The time of the change, if it is one.
    """
    return [
        {
            "month": row.period_start,
            "currency": row.currency,
            "ends_at": get_day_start(row.period_end, zone),
            **{name: getattr(row, name) for name in MOVEMENTS},
            "changed_at": now,
        }
        for row in rows
    ]


def _build_publication(recorded: RunSession, now: datetime) -> dict[str, Any]:
    workspace = recorded.workspace
    settings = workspace.config
    return {
        "run_id": recorded.id,
        "published_at": now,
        "day": workspace.today,
        "policy": get_mrr_policy(workspace).hash,
        "mode": settings.health.mode,
        "timezone": str(settings.workspace.timezone),
        "currency": settings.workspace.currency,
    }
