"""Computation of KPIs and the bridge, with cached rows where they are valid."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Table

from cs_sync.metrics.bridge import BridgeRow, build_bridge_rows, select_bridge
from cs_sync.metrics.incremental import CachedQuery
from cs_sync.metrics.kpi import KpiRow, build_kpi_rows
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.sql.time_travel import list_tables
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.fast.known_at import shadow_tables
from cs_sync.store.fast.metric_cache import answer_questions
from cs_sync.store.queries.derived_state import read_mrr_known_at
from cs_sync.store.runs import find_stale_tables
from cs_sync_schemas import VERSIONED, MrrSpan, get_table

Row = Mapping[str, Any]
Statement = tuple[int, Select[Any]]
"""A statement, and the index of the period that is its period 0."""
_MAX_INSPECTED = 20


def compute_kpis(workspace: Workspace, chosen: Sequence[Metric], scope: Scope) -> list[KpiRow]:
    """Compute the values of metrics in the database.

    Args:
        workspace: The workspace.
        chosen: The metrics.
        scope: Periods, policy, segments and knowledge time.

    Returns:
        One row per metric, period, segment and currency.
    """
    answered = _read_cached_rows(workspace, [metric for metric in chosen if metric.adds_up], scope)
    statements = {
        m.name: list(_build_statements(m, scope)) for m in chosen if m.name not in answered
    }
    rows: list[KpiRow] = []
    with _connect_as_known(workspace, scope, statements.values()) as connection:
        stale = find_stale_tables(connection)
        for metric in chosen:
            metric_rows = answered.get(metric.name)
            if metric_rows is None:
                metric_rows = _fetch_rows(connection, statements[metric.name])
            since = min((stale[t] for t in metric.list_inputs(scope) if t in stale), default=None)
            rows += build_kpi_rows(metric, scope, metric_rows, stale_since=since)
    return rows


def _build_statements(metric: Metric, scope: Scope) -> Iterator[Statement]:
    return (
        (first, metric.build_current_statement(part)) for first, part in metric.split_scope(scope)
    )


@contextmanager
def _connect_as_known(
    workspace: Workspace, scope: Scope, statements: Iterable[Sequence[Statement]]
) -> Iterator[Connection]:
    """Yield a connection to the current data, or to the data known at the scope's `known_at`."""
    if scope.known_at is None:
        with workspace.store.read() as connection:
            yield connection
        return
    with (
        workspace.store.snapshot() as connection,
        shadow_tables(
            connection, _find_versioned_tables(statements), scope.policy.hash, scope.known_at
        ),
    ):
        yield connection


def _find_versioned_tables(queries: Iterable[Sequence[Statement]]) -> list[Table]:
    """Return the versioned tables read by statements; all of them for many statements."""
    statements = [statement for group in queries for _, statement in group]
    past = [*map(get_table, VERSIONED), get_table(MrrSpan)]
    if len(statements) > _MAX_INSPECTED:
        return past
    read = {table for statement in statements for table in list_tables(statement)}
    return [table for table in past if table in read]


def _fetch_rows(connection: Connection, statements: Sequence[Statement]) -> list[Row]:
    return [
        {**row._asdict(), "period": first + row.period}
        for first, statement in statements
        for row in connection.execute(statement)
    ]


def _read_cached_rows(
    workspace: Workspace, chosen: Sequence[Metric], scope: Scope
) -> dict[str, list[Row]]:
    """Return the rows of additive metrics, for a scope without `known_at`."""
    upto = _get_known_until(workspace, scope)
    if upto is None:
        return {}
    parts = [
        (metric, first, CachedQuery(metric.name, part, metric.build_statement(part)))
        for metric in chosen
        for first, part in metric.split_scope(scope)
    ]
    by_metric: dict[str, list[Row]] = {metric.name: [] for metric in chosen}
    rows = answer_questions(workspace.store, [question for *_, question in parts], upto)
    for (metric, first, _), metric_rows in zip(parts, rows, strict=True):
        by_metric[metric.name] += [{**row, "period": first + row["period"]} for row in metric_rows]
    return by_metric


def _get_known_until(workspace: Workspace, scope: Scope) -> datetime | None:
    """Return the knowledge time of the MRR; None for a scope with `known_at`."""
    if scope.known_at is not None:
        return None
    with workspace.store.read() as connection:
        return read_mrr_known_at(connection, scope.policy.hash)


def compute_bridge(
    workspace: Workspace, scope: Scope, *, by_account: bool = False
) -> list[BridgeRow]:
    """Compute the rows of the bridge: in total, by the scope's attributes, or by account."""
    upto = _get_known_until(workspace, scope)
    if upto is None or by_account:
        with workspace.store.read() as connection:
            result = connection.execute(select_bridge(scope, by_account=by_account))
            return build_bridge_rows(scope, [row._asdict() for row in result])
    (rows,) = answer_questions(
        workspace.store, [CachedQuery("bridge", scope, select_bridge(scope))], upto
    )
    return build_bridge_rows(scope, rows)
