"""What runs publish for BI, stored as far as it changed."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, and_, bindparam, delete, select

from cs_sync.store.upserts import upsert_rows
from cs_sync.store.views.create import create_views, get_digest
from cs_sync_schemas import Publication, PublishedKpi, PublishedMrr, get_table

KPI, MRR, LAST = get_table(PublishedKpi), get_table(PublishedMrr), get_table(Publication)
NAME = "workspace"


def save_publication(connection: Connection, publication: Mapping[str, Any]) -> None:
    """Store what the figures rest on; those of another policy are deleted.

    Args:
        connection: A write transaction.
        publication: A row of `publication`, without name and views.
    """
    before = connection.execute(select(LAST.c.policy, LAST.c.views)).first()
    if before is not None and before.policy != publication["policy"]:
        connection.execute(delete(KPI))
        connection.execute(delete(MRR))
    views = get_digest()
    if before is None or before.views != views:
        create_views(connection)
    upsert_rows(connection, LAST, [{"name": NAME, **publication, "views": views}])


def save_kpis(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store KPIs, as all there are of their metrics and months.

    They are rows of `kpi`.
    """
    _save_differences(connection, KPI, rows, ("metric", "period_start"))


def save_mrr_months(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store the bridge (rows of `mrr_month`): all there is of its months."""
    _save_differences(connection, MRR, rows, ("month",))


def read_publication(connection: Connection) -> dict[str, Any] | None:
    """Return the last publication (a row of `publication`); None before the first."""
    row = connection.execute(select(LAST)).first()
    return None if row is None else row._asdict()


def _save_differences(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    scope: Collection[str],
) -> None:
    """Write rows that differ, and delete those that are gone.

    Args:
        connection: A write transaction.
        table: The table; `changed_at` alone makes no difference.
        rows: The rows.
        scope: Columns of the key: of their values here, the rows are all there are.
    """
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    month = keys[0] if len(scope) == 1 else keys[1]
    first = min(row[month] for row in rows)
    stored = {
        tuple(row[name] for name in keys): dict(row)
        for row in connection.execute(select(table).where(table.c[month] >= first)).mappings()
    }
    wanted = {tuple(row[name] for name in keys): dict(row) for row in rows}
    changed = [row for key, row in wanted.items() if _has_changed(stored.get(key), row)]
    upsert_rows(connection, table, changed)
    covered = {tuple(row[name] for name in scope) for row in rows}
    gone = [
        {f"old_{name}": row[name] for name in keys}
        for key, row in stored.items()
        if key not in wanted and tuple(row[name] for name in scope) in covered
    ]
    if gone:
        itself = and_(*(table.c[name] == bindparam(f"old_{name}") for name in keys))
        connection.execute(delete(table).where(itself), gone)


def _has_changed(before: Mapping[str, Any] | None, row: Mapping[str, Any]) -> bool:
    return before is None or any(before[name] != row[name] for name in row if name != "changed_at")
