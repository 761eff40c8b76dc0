"""Computation of KPIs and the bridge; what rests on unchanged tables is kept."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import date, datetime
from itertools import product
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Select, Table
from sqlalchemy.sql.selectable import SelectBase

from cs_sync.metrics.bridge import BridgeRow, build_bridge_rows, select_bridge
from cs_sync.metrics.days_of_use import USE, select_days_to_share
from cs_sync.metrics.figure_keys import build_figure_key, normalise_rows
from cs_sync.metrics.kpi import KpiRow, build_kpi_rows
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.shared_use import SHARED, list_edges
from cs_sync.metrics.sql.mrr_stocks import SPAN, STOCK, list_turns
from cs_sync.metrics.sql.shared_parts import get_part_rows
from cs_sync.metrics.sql.stock_groups import STOCK_GROUP
from cs_sync.metrics.sql.time_travel import list_tables
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.fast.kept_figures import (
    DAY_TABLES,
    Figure,
    Rows,
    read_figures,
    read_settled_versions,
    read_versions_before,
    renew_figures,
    save_figures,
)
from cs_sync.store.fast.known_at import shadow_tables
from cs_sync.store.fast.shared_tables import share_parts, share_stocks, share_use
from cs_sync.store.queries.month_close import is_known_as_closed
from cs_sync.store.runs import find_stale_tables
from cs_sync_schemas import VERSIONED
from cs_sync_schemas.table_loader import get_table_named
from cs_sync_schemas.tables import ACCOUNT

Row = Mapping[str, Any]
_BRIDGE = "bridge"
_STOCKS = frozenset({str(STOCK.name), str(STOCK_GROUP.name)})
_USE = frozenset(str(table.name) for table in SHARED)
_SHARED = _STOCKS | _USE
WINDOW = "window_days"
"""The setting that says how many days before a period's end a metric looks at."""
_FEW_PERIODS = 3
"""So many periods that are not kept are computed one by one, and more with all others."""
_ENOUGH_METRICS = 5
"""From so many metrics of use on, all days of use are read once for all of them."""


class _Query(Struct, frozen=True):
    """A metric's statements, and the names of the tables they read."""

    metric: Metric
    statements: Sequence[tuple[int, Select[Any]]]
    """Each with the index of the period that is its period 0."""
    tables: frozenset[str]
    parts: tuple[Table, ...]
    """The tables of its shared parts."""


def compute_kpis(workspace: Workspace, chosen: Sequence[Metric], scope: Scope) -> list[KpiRow]:
    """Compute the values of metrics in the database.

    Args:
        workspace: The workspace.
        chosen: The metrics.
        scope: Periods, policy, segments and knowledge time.

    Returns:
        One row per metric, period, segment and currency.
    """
    if workspace.store.is_copy:
        return _compute_in_copy(workspace, chosen, scope)
    keys = {
        metric.name: [
            build_figure_key(metric.name, metric.restrict_scope(part))
            for part in scope.split_periods()
        ]
        for metric in chosen
        if metric.name not in workspace.plugins.metrics
    }
    with workspace.store.read() as connection:
        stale = find_stale_tables(connection)
        figures = read_figures(connection, {key for own in keys.values() for key in own})
    renew_figures(workspace.store, figures)
    kept = dict(figures.rows)
    missing = {name: [key for key in own if key not in kept] for name, own in keys.items()}
    piecemeal = [m for m in chosen if m.name in keys and _is_nearly_kept(missing[m.name], scope)]
    kept |= _compute_missing(workspace, piecemeal, scope, keys, kept.keys())
    complete = {metric.name: keys[metric.name] for metric in piecemeal}
    others = [metric for metric in chosen if metric.name not in complete]
    computed = _compute_rows(workspace, others, scope, keys)
    rows: list[KpiRow] = []
    for metric in chosen:
        metric_rows = computed.get(metric.name)
        if metric_rows is None:
            metric_rows = _join_periods(kept[key] for key in complete[metric.name])
        since = _find_stale_since(metric, scope, stale)
        rows += build_kpi_rows(metric, scope, metric_rows, stale_since=since)
    return rows


def _find_stale_since(
    metric: Metric, scope: Scope, stale: Mapping[str, datetime]
) -> datetime | None:
    return min((stale[t] for t in metric.list_inputs(scope) if t in stale), default=None)


def _compute_in_copy(workspace: Workspace, chosen: Sequence[Metric], scope: Scope) -> list[KpiRow]:
    """Compute metrics in an export, statement by statement."""
    with workspace.store.read() as connection:
        stale = find_stale_tables(connection)
        return [
            row
            for metric in chosen
            for row in build_kpi_rows(
                metric,
                scope,
                _fetch_rows(connection, metric.build_statements(scope)),
                stale_since=_find_stale_since(metric, scope, stale),
            )
        ]


def _is_nearly_kept(missing: Sequence[str], scope: Scope) -> bool:
    """Return whether few of several periods are missing, or none."""
    return len(missing) <= min(_FEW_PERIODS, len(scope.periods) - 1)


def _compute_missing(
    workspace: Workspace,
    chosen: Sequence[Metric],
    scope: Scope,
    keys: Mapping[str, Sequence[str]],
    kept: Collection[str],
) -> dict[str, Rows]:
    """Compute the periods of metrics that are not kept.

    Each is computed alone, by their keys.
    """
    computed: dict[str, Rows] = {}
    for index, part in enumerate(scope.split_periods()):
        own = {m.name: keys[m.name][index] for m in chosen if keys[m.name][index] not in kept}
        metrics = [metric for metric in chosen if metric.name in own]
        rows = _compute_rows(workspace, metrics, part, {name: [key] for name, key in own.items()})
        computed |= {own[name]: rows_of_one for name, rows_of_one in rows.items()}
    return computed


def _join_periods(parts: Iterable[Rows]) -> Rows:
    """Number the rows of single periods by their place."""
    return [{**row, "period": index} for index, rows in enumerate(parts) for row in rows]


def _compute_rows(
    workspace: Workspace,
    chosen: Sequence[Metric],
    scope: Scope,
    keys: Mapping[str, Sequence[str]],
) -> dict[str, Rows]:
    """Compute the rows of metrics, and keep those with keys.

    Period by period.
    """
    if not chosen:
        return {}
    turns = list_turns(scope, _list_months_back(chosen, scope))
    shared = scope
    if not workspace.store.read_only:  # what is shared stands in temporary tables
        edges = _list_shared_edges(chosen, scope)
        several = len(chosen) > 1
        shared = replace(scope, shared_turns=turns, shared_edges=edges, shared_parts=several)
    queries = [_build_query(metric, shared) for metric in chosen]
    read = frozenset().union(*(query.tables for query in queries))
    with _connect_as_known(workspace, scope, read) as connection:
        versions = read_settled_versions(connection, read - _SHARED, workspace.clock())
        ends = [period.end.isoformat() for period in scope.periods]
        day_ends = product(DAY_TABLES & versions.keys(), ends)
        before = read_versions_before(connection, day_ends)
        with ExitStack() as sharing:
            sharing.enter_context(share_stocks(connection, scope, turns, read))
            if read & _USE:
                sharing.enter_context(share_use(connection, shared, read))
            parts = (part for query in queries for part in query.parts)
            sharing.enter_context(share_parts(connection, parts))
            rows = {
                query.metric.name: _fetch_rows(connection, query.statements) for query in queries
            }
    figures = [
        Figure(
            key,
            query.metric.name,
            scope.policy.hash,
            query.tables - _SHARED,
            [{**row, "period": 0} for row in rows[query.metric.name] if row["period"] == index],
            scope.periods[index].end,
        )
        for query in queries
        for index, key in enumerate(keys.get(query.metric.name, ()))
    ]
    save_figures(workspace.store, figures, versions, workspace.clock(), before)
    return rows


def _list_months_back(chosen: Sequence[Metric], scope: Scope) -> list[int]:
    """List how many months metrics look back from a period's end."""
    looking = [metric for metric in chosen if metric.looks_back]
    return [int(metric.resolve_settings(scope)[metric.looks_back]) for metric in looking]


def _list_shared_edges(chosen: Sequence[Metric], scope: Scope) -> tuple[date, ...]:
    """List the days between which use is shared.

    None unless enough metrics rest on equal days of it, of no segment or feature.
    """
    of_use = [metric for metric in chosen if USE.name in metric.inputs]
    if len(of_use) < _ENOUGH_METRICS or scope.by or scope.active_features:
        return ()
    settings = (metric.resolve_settings(scope) for metric in of_use)
    return list_edges(scope, [int(own[WINDOW]) for own in settings if WINDOW in own])


def _build_query(metric: Metric, scope: Scope) -> _Query:
    statements = [
        (first, metric.build_current_statement(part)) for first, part in metric.split_scope(scope)
    ]
    tables, parts = _find_tables(statements[0][1])
    if tables & _USE:
        tables |= _name_tables(select_days_to_share(scope))
    return _Query(metric, statements, tables, parts)


def _name_tables(statement: SelectBase) -> frozenset[str]:
    return _find_tables(statement)[0]


def _find_tables(statement: SelectBase) -> tuple[frozenset[str], tuple[Table, ...]]:
    """Find the names of tables that a statement reads, and its parts.

    Also through shared stocks and parts.
    """
    rows = {table: get_part_rows(table) for table in list_tables(statement)}
    names = {str(table.name) for table, of_part in rows.items() if of_part is None}
    names = names.union(*(_name_tables(own) for own in rows.values() if own is not None))
    if names & _STOCKS:
        names |= {str(SPAN.name), str(ACCOUNT.name)}
    return frozenset(names), tuple(table for table, own in rows.items() if own is not None)


@contextmanager
def _connect_as_known(
    workspace: Workspace, scope: Scope, read: frozenset[str]
) -> Iterator[Connection]:
    """Yield a connection to the data known at the scope's `known_at`.

    Args:
        workspace: The workspace.
        scope: The scope.
        read: The names of the tables that will be read.
    """
    if scope.known_at is None:
        with workspace.store.read() as connection:
            yield connection
        return
    past = [get_table_named(name) for name in (*VERSIONED, SPAN.name) if name in read]
    with (
        workspace.store.snapshot() as connection,
        shadow_tables(connection, past, scope.policy.hash, scope.known_at),
    ):
        yield connection


def _fetch_rows(connection: Connection, statements: Iterable[tuple[int, Select[Any]]]) -> Rows:
    return [
        {**row, "period": first + row["period"]}
        for first, statement in statements
        for row in normalise_rows(row._asdict() for row in connection.execute(statement))
    ]


def compute_bridge(
    workspace: Workspace, scope: Scope, *, by_account: bool = False
) -> list[BridgeRow]:
    """Compute the bridge: total, by attributes, or by account."""
    if scope.conversion and not scope.conversion.closing:  # nothing of it is converted
        scope = replace(scope, conversion=None)
    if scope.closed and not scope.by:  # what was closed need not be looked up as it was known then
        with workspace.store.read() as connection:
            if is_known_as_closed(connection, scope):
                scope = replace(scope, closed={})
    key, turns = build_figure_key(_BRIDGE, scope), list_turns(scope)
    if not workspace.store.read_only:
        scope = replace(scope, shared_turns=turns)
    statement = select_bridge(scope, by_account=by_account)
    if workspace.store.is_copy:
        with workspace.store.read() as connection:
            return build_bridge_rows(scope, _fetch_rows(connection, [(0, statement)]))
    with workspace.store.read() as connection:
        rows = None if by_account else read_figures(connection, [key]).rows.get(key)
        if rows is not None:
            return build_bridge_rows(scope, rows)
        tables = _name_tables(statement)
        versions = read_settled_versions(connection, tables - _SHARED, workspace.clock())
        with share_stocks(connection, scope, turns, tables):
            rows = normalise_rows(row._asdict() for row in connection.execute(statement))
    if not by_account:
        figure = Figure(key, _BRIDGE, scope.policy.hash, tables - _SHARED, rows)
        save_figures(workspace.store, [figure], versions, workspace.clock())
    return build_bridge_rows(scope, rows)
