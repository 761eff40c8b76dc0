"""Sweeping: what a complete read did not show is gone, and its children end with it."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, select

from cs_sync.contracts.source import Stream
from cs_sync.store.pages import Stored
from cs_sync.store.records import Moment, bury_unseen, end_missing_children
from cs_sync_schemas import Record, table_of


def count_unseen(
    connection: Connection, record: type[Record], source: str, since: datetime
) -> tuple[int, int]:
    """How many rows a complete read since then did not show, and how many live ones there are."""
    table = table_of(record)
    living = select(func.count()).where(table.c.source == source, table.c.deleted_at.is_(None))
    unseen = select(func.count()).where(_unseen(record, source, since))
    return connection.scalar(unseen) or 0, connection.scalar(living) or 0


def sweep(connection: Connection, stream: Stream, since: datetime, moment: Moment) -> Stored:
    """Bury the rows that nobody has shown since then."""
    ended = 0
    if stream.children:
        table = table_of(stream.record)
        which = select(table.c.source_id).where(_unseen(stream.record, moment.source, since))
        gone = connection.scalars(which).all()
        for child, field in stream.children.items():
            ended += end_missing_children(connection, child, field, gone, (), moment)
    return Stored(changed=ended, deleted=bury_unseen(connection, stream.record, since, moment))


def _unseen(record: type[Record], source: str, since: datetime) -> ColumnElement[bool]:
    table = table_of(record)
    mine = and_(table.c.source == source, table.c.deleted_at.is_(None))
    return and_(mine, table.c.last_seen_at < since)
