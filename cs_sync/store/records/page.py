"""Store one page in one transaction: rows, ended children, tombstones, rejects, resume point."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection

from cs_sync.contracts.source import Page, Rejection, Stream
from cs_sync.store.records.counts import StoredCounts
from cs_sync.store.records.rejects import (
    count_rejects,
    delete_resolved_rejects,
    save_rejects,
)
from cs_sync.store.records.validate import make_storable, validate_rows
from cs_sync.store.records.write import (
    WriteContext,
    confirm_rejected,
    end_missing_children,
    soft_delete,
    store_rows,
)
from cs_sync_schemas import Record


class ValidPage(Struct, frozen=True):
    """A page as read, its valid rows by record type, and all its rejections."""

    page: Page
    rows: dict[type[Record], list[dict[str, Any]]]
    rejected: list[Rejection]

    def list_refused(self, record: type[Record]) -> list[str]:
        """Return the ids of the rejected records of a type."""
        return [r.source_id for r in self.rejected if r.record is record and r.source_id]


def validate_page(stream: Stream, page: Page) -> ValidPage:
    """Validate a page; pure, so that it runs outside the transaction.

    Raises:
        TypeError: The stream did not declare a record type of the page.
    """
    admitted: dict[type[Record], list[dict[str, Any]]] = {}
    rejected = list(page.rejected)
    allowed = stream.record_types
    for record, rows in page.records.items():
        if record not in allowed:
            raise TypeError(f"stream {stream.name} did not announce {record.__name__}")
        if not rows:
            continue  # an unchanged source prepares nothing
        admitted[record], refused = validate_rows(record, rows)
        rejected += refused
    return ValidPage(page, admitted, list(map(_make_reject_storable, rejected)))


def _make_reject_storable(rejection: Rejection) -> Rejection:
    """Replace what a database cannot store in a rejection's texts."""
    source_id = None if rejection.source_id is None else make_storable(rejection.source_id)
    return replace(rejection, source_id=source_id, reason=make_storable(rejection.reason))


def count_main_records(stream: Stream, page: Page) -> int:
    """Count a page's records of the stream's own type, unmappable ones included."""
    unmapped = sum(rejection.record is stream.record for rejection in page.rejected)
    return len(page.records.get(stream.record, ())) + unmapped


def store_page(
    connection: Connection,
    stream: Stream,
    valid: ValidPage,
    moment: WriteContext,
    run_id: str,
    *,
    confirm: bool = False,
) -> StoredCounts:
    """Store a validated page within the caller's transaction.

    Args:
        connection: A write transaction.
        stream: The stream of the page.
        valid: The validated page.
        moment: The source and the time.
        run_id: The id of the run.
        confirm: Also mark unchanged rows as seen, for a read that deletes unseen rows.
    """
    page, standing = valid.page, 0
    if page.unchanged is not None:
        standing = count_rejects(connection, moment.source, stream.name)
    changed = _store_valid_rows(connection, stream, valid, moment, confirm=confirm)
    deleted = {record: list(map(make_storable, ids)) for record, ids in page.deleted.items()}
    deleted_ids = deleted.get(stream.record, ())
    changed += _end_children(connection, stream, valid, deleted_ids, moment)
    if confirm:
        confirm_rejected(connection, stream.record, valid.list_refused(stream.record), moment)
    soft_deleted = sum(
        soft_delete(connection, record, ids, moment) for record, ids in deleted.items()
    )
    save_rejects(connection, moment.source, stream.name, valid.rejected, run_id, moment.now)
    return StoredCounts(
        records=sum(len(rows) for rows in page.records.values()) + (page.unchanged or 0),
        main=count_main_records(stream, page),
        changed=changed,
        rejected=len(valid.rejected) + standing,
        deleted=soft_deleted,
    )


def _store_valid_rows(
    connection: Connection,
    stream: Stream,
    valid: ValidPage,
    moment: WriteContext,
    *,
    confirm: bool,
) -> int:
    """Store a page's valid rows; count the changed ones.

    Their earlier rejections are deleted.
    """
    changed = 0
    for record, rows in valid.rows.items():
        changed += store_rows(
            connection,
            record,
            rows,
            moment,
            snapshot=record in stream.snapshot,
            confirm=confirm and record is stream.record,
        )
        stored = [row["source_id"] for row in rows]
        delete_resolved_rejects(connection, moment.source, str(record.__tablename__), stored)
    return changed


def _end_children(
    connection: Connection,
    stream: Stream,
    valid: ValidPage,
    deleted_ids: Sequence[str],
    moment: WriteContext,
) -> int:
    """End children missing from re-read parents or of deleted ones.

    A rejected child still exists.
    """
    if not stream.children:
        return 0
    read_again = [row["source_id"] for row in valid.rows.get(stream.record, [])]
    ended = 0
    for child, field in stream.children.items():
        present = [row["source_id"] for row in valid.rows.get(child, [])]
        present += valid.list_refused(child)
        parents = [*(() if child in stream.lasting else read_again), *deleted_ids]
        ended += end_missing_children(connection, child, field, parents, present, moment)
    return ended
