"""Deletion of rows missing from a complete read, with their children."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, and_, func, select

from cs_sync.contracts.source import Stream
from cs_sync.store.records.counts import StoredCounts
from cs_sync.store.records.write import WriteContext, end_missing_children, soft_delete_unseen
from cs_sync_schemas import Record, get_seen, get_table


def count_unseen(
    connection: Connection, record: type[Record], source: str, since: datetime
) -> tuple[int, int]:
    """Count the rows not seen since then, and all non-deleted rows."""
    table = get_table(record)
    is_unseen = get_seen(table, "last_seen_at") < since
    counts = select(func.count().filter(is_unseen), func.count())
    unseen, living = connection.execute(counts.where(_match_living(table, source))).one()
    return unseen, living


def delete_unseen(
    connection: Connection, stream: Stream, since: datetime, moment: WriteContext
) -> StoredCounts:
    """Soft-delete the rows not seen since then, and end their children."""
    ended = 0
    if stream.children:
        table = get_table(stream.record)
        which = select(table.c.source_id).where(_match_unseen(stream.record, moment.source, since))
        unseen = connection.scalars(which).all()
        for child, field in stream.children.items():
            ended += end_missing_children(connection, child, field, unseen, (), moment)
    return StoredCounts(
        changed=ended, deleted=soft_delete_unseen(connection, stream.record, since, moment)
    )


def _match_unseen(record: type[Record], source: str, since: datetime) -> ColumnElement[bool]:
    table = get_table(record)
    return and_(_match_living(table, source), get_seen(table, "last_seen_at") < since)


def _match_living(table: Table, source: str) -> ColumnElement[bool]:
    return and_(table.c.source == source, table.c.deleted_at.is_(None))
