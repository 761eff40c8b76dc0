"""What runs publish for BI, stored as far as it changed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Table, and_, bindparam, delete, select

from cs_sync.store.upserts import upsert_rows
from cs_sync.store.views.digest import DIGEST
from cs_sync_schemas.tables import KPI, MRR_MONTH, PUBLICATION

MRR, LAST = MRR_MONTH, PUBLICATION
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
    if before is None or before.views != DIGEST:
        from cs_sync.store.views.create import create_views  # loads the models

        create_views(connection)
    upsert_rows(connection, LAST, [{"name": NAME, **publication, "views": DIGEST}])


def save_kpis(
    connection: Connection,
    rows: Sequence[Mapping[str, Any]],
    since: date,
    covers: Callable[[str, date], bool],
) -> None:
    """Store KPIs as far as they changed.

    Those that are no more are deleted.

    Args:
        connection: A write transaction.
        rows: Rows of `kpi`.
        since: The first month of the rows.
        covers: Whether the rows are all there are of a metric in a month.
    """
    stored = connection.execute(select(KPI).where(KPI.c.period_start >= since))
    covered = [row._asdict() for row in stored if covers(row.metric, row.period_start)]
    _save_differences(connection, KPI, covered, rows)


def save_mrr_months(connection: Connection, rows: Sequence[Mapping[str, Any]], since: date) -> None:
    """Store the bridge as far as it changed.

    What is no more is deleted.

    Args:
        connection: A write transaction.
        rows: Rows of `mrr_month`: all there are from a month on.
        since: That month.
    """
    stored = connection.execute(select(MRR).where(MRR.c.month >= since))
    _save_differences(connection, MRR, [row._asdict() for row in stored], rows)


def read_publication(connection: Connection) -> dict[str, Any] | None:
    """Return the last publication (a row of `publication`); None before the first."""
    row = connection.execute(select(LAST)).first()
    return None if row is None else row._asdict()


def _save_differences(
    connection: Connection,
    table: Table,
    stored: Iterable[Mapping[str, Any]],
    rows: Sequence[Mapping[str, Any]],
) -> None:
    """Write rows that differ, and delete those that are gone.

    Args:
        connection: A write transaction.
        table: The table; `changed_at` alone makes no difference.
        stored: The stored rows that these replace.
        rows: The rows.
    """
    keys = [column.name for column in table.primary_key]
    before = {tuple(row[name] for name in keys): row for row in stored}
    wanted = {tuple(row[name] for name in keys): row for row in rows}
    upsert_rows(
        connection,
        table,
        [row for key, row in wanted.items() if _has_changed(before.get(key), row)],
    )
    gone = [
        {f"old_{name}": row[name] for name in keys}
        for key, row in before.items()
        if key not in wanted
    ]
    if gone:
        itself = and_(*(table.c[name] == bindparam(f"old_{name}") for name in keys))
        connection.execute(delete(table).where(itself), gone)


def _has_changed(before: Mapping[str, Any] | None, row: Mapping[str, Any]) -> bool:
    return before is None or any(before[name] != row[name] for name in row if name != "changed_at")
