"""The figures that report and BI show, computed once a run."""

from collections.abc import Sequence
from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from cs_sync.metrics.kpi import KpiRow
from cs_sync.metrics.periods import add_months, find_last_whole_period
from cs_sync.queries.metrics import Bridge, MetricRequest, query_bridge, query_kpis
from cs_sync.queries.unattributed import list_unattributed_shares
from cs_sync.report import TREND_METRICS
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.fast.shared_reads import share_reads
from cs_sync.store.queries.unattributed import UnattributedShare

BRIDGE_MONTHS = 24
TREND_MONTHS = 13


class Figures(Struct, frozen=True):
    """KPIs and the MRR bridge, by month, and what no account is known of."""

    kpis: Sequence[KpiRow]
    """Every metric, for the last whole month and the month before."""
    trends: Sequence[KpiRow]
    """Metrics with a line, for the months before these."""
    bridge: Bridge
    unattributed: Sequence[UnattributedShare]
    """The shares of records without an account."""


def query_figures(workspace: Workspace) -> Figures:
    """Compute the figures of today."""
    first = get_first_reported_month(workspace.today)
    with share_reads(workspace.store.engine):
        return Figures(
            _query_newest_kpis(workspace),
            _query_trends(workspace),
            query_bridge(workspace, since=first, until=workspace.today),
            list_unattributed_shares(workspace),
        )


def get_first_reported_month(today: date) -> date:
    """Return the first day of the months of the bridge."""
    return add_months(today.replace(day=1), -BRIDGE_MONTHS)


def mute(workspace: Workspace) -> Workspace:
    """Return the workspace without events, as their messages concern other rows."""
    return replace(workspace, emit=lambda _event: None)


def _query_newest_kpis(workspace: Workspace) -> list[KpiRow]:
    zone = str(workspace.config.workspace.timezone)
    newest = find_last_whole_period(workspace.today, "month", zone)
    request = MetricRequest(since=add_months(newest.start, -1), until=newest.end)
    return query_kpis(workspace, request)


def _query_trends(workspace: Workspace) -> list[KpiRow]:
    first = workspace.today.replace(day=1)
    request = MetricRequest(
        since=add_months(first, -TREND_MONTHS), until=add_months(first, -2), names=TREND_METRICS
    )
    return query_kpis(mute(workspace), request)
