"""KPIs and the bridge as the database answers, or as it answered before where that still holds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Table

from cs_sync.jobs.derive import mrr_known_at
from cs_sync.jobs.workspace import Workspace
from cs_sync.metrics.as_known import tables_read
from cs_sync.metrics.bridge import BridgeRow, bridge, bridge_rows
from cs_sync.metrics.kpi import KpiRow, finish
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.sums import Question
from cs_sync.store.figures import answers
from cs_sync.store.past import known_then
from cs_sync.store.runs import stale_tables
from cs_sync_schemas import REMEMBERED, MrrSpan, table_of

Row = Mapping[str, Any]
Statement = tuple[int, Select[Any]]
"""A statement, and the index of the period that is its period 0."""
_MANY = 20


def computed(workspace: Workspace, chosen: Sequence[Metric], scope: Scope) -> list[KpiRow]:
    """The values of these metrics, computed inside the database."""
    answered = _kept(workspace, [metric for metric in chosen if metric.adds_up], scope)
    asked = {m.name: list(_statements(m, scope)) for m in chosen if m.name not in answered}
    rows: list[KpiRow] = []
    with _known(workspace, scope, asked.values()) as connection:
        stale = stale_tables(connection)
        for metric in chosen:
            found = answered.get(metric.name)
            if found is None:
                found = _rows(connection, asked[metric.name])
            since = min((stale[t] for t in metric.rests_on(scope) if t in stale), default=None)
            rows += finish(metric, scope, found, stale_since=since)
    return rows


def _statements(metric: Metric, scope: Scope) -> Iterator[Statement]:
    return ((first, metric.current(part)) for first, part in metric.parts(scope))


@contextmanager
def _known(
    workspace: Workspace, scope: Scope, asked: Iterable[Sequence[Statement]]
) -> Iterator[Connection]:
    """A connection that shows what is known, or what was known at the scope's `known_at`."""
    if scope.known_at is None:
        with workspace.store.read() as connection:
            yield connection
        return
    with (
        workspace.store.snapshot() as connection,
        known_then(connection, _tables(asked), scope.policy.hash, scope.known_at),
    ):
        yield connection


def _tables(asked: Iterable[Sequence[Statement]]) -> list[Table]:
    """The tables with a past that statements read; many read all, and are not looked through."""
    statements = [one for some in asked for _, one in some]
    past = [*map(table_of, REMEMBERED), table_of(MrrSpan)]
    if len(statements) > _MANY:
        return past
    read = {table for one in statements for table in tables_read(one)}
    return [table for table in past if table in read]


def _rows(connection: Connection, statements: Sequence[Statement]) -> list[Row]:
    return [
        {**row._asdict(), "period": first + row.period}
        for first, statement in statements
        for row in connection.execute(statement)
    ]


def _kept(workspace: Workspace, chosen: Sequence[Metric], scope: Scope) -> dict[str, list[Row]]:
    """The rows of metrics that add up, where it is asked what is known now."""
    upto = _known_until(workspace, scope)
    if upto is None:
        return {}
    parts = [
        (metric, first, Question(metric.name, part, metric.statement(part)))
        for metric in chosen
        for first, part in metric.parts(scope)
    ]
    found: dict[str, list[Row]] = {metric.name: [] for metric in chosen}
    rows = answers(workspace.store, [question for *_, question in parts], upto)
    for (metric, first, _), some in zip(parts, rows, strict=True):
        found[metric.name] += [{**row, "period": first + row["period"]} for row in some]
    return found


def _known_until(workspace: Workspace, scope: Scope) -> datetime | None:
    """Up to when the records are in the MRR, where a scope asks for what is known now."""
    if scope.known_at is not None:
        return None
    with workspace.store.read() as connection:
        return mrr_known_at(connection, scope.policy)


def bridged(workspace: Workspace, scope: Scope, *, by_account: bool = False) -> list[BridgeRow]:
    """The rows of the bridge: of all, by the scope's attributes, or by account."""
    upto = _known_until(workspace, scope)
    if upto is None or by_account:
        with workspace.store.read() as connection:
            found = connection.execute(bridge(scope, by_account=by_account))
            return bridge_rows(scope, [row._asdict() for row in found])
    (rows,) = answers(workspace.store, [Question("bridge", scope, bridge(scope))], upto)
    return bridge_rows(scope, rows)
