"""One page, one transaction: rows, ended children, tombstones, rejects and the resume point."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from cs_sync.contracts.source import Page, Rejection, Stream
from cs_sync.store.door import admit, storable
from cs_sync.store.records import (
    Moment,
    bury,
    confirm_refused,
    end_missing_children,
    store_rows,
)
from cs_sync.store.rejects import forget_rejects, keep_rejects
from cs_sync_schemas import Record


@dataclass(frozen=True, slots=True)
class Stored:
    """What one page came to."""

    records: int = 0
    main: int = 0
    changed: int = 0
    rejected: int = 0
    deleted: int = 0

    def __add__(self, other: "Stored") -> "Stored":
        return Stored(
            self.records + other.records,
            self.main + other.main,
            self.changed + other.changed,
            self.rejected + other.rejected,
            self.deleted + other.deleted,
        )


Admitted = dict[type[Record], list[dict[str, Any]]]


def admit_page(stream: Stream, page: Page) -> tuple[Admitted, list[Rejection]]:
    """Check a page at the door; pure, so that it runs outside the transaction."""
    admitted: Admitted = {}
    rejected = list(page.rejected)
    allowed = {stream.record, *stream.extra, *stream.children}
    for record, rows in page.records.items():
        if record not in allowed:
            raise TypeError(f"stream {stream.name} did not announce {record.__name__}")
        admitted[record], refused = admit(record, rows)
        rejected += refused
    return admitted, [_told(rejection) for rejection in rejected]


def _told(rejection: Rejection) -> Rejection:
    """The same in words that every database takes: what is wrong with a record may be its text."""
    source_id = None if rejection.source_id is None else storable(rejection.source_id)
    return replace(rejection, source_id=source_id, reason=storable(rejection.reason))


def main_records(stream: Stream, page: Page) -> int:
    """How many records of the stream's own kind a page shows, those that are no record included."""
    unmapped = sum(rejection.record is stream.record for rejection in page.rejected)
    return len(page.records.get(stream.record, ())) + unmapped


def store_page(
    connection: Connection,
    stream: Stream,
    page: Page,
    admitted: Admitted,
    rejected: list[Rejection],
    moment: Moment,
    run_id: str,
    *,
    confirm: bool = False,
) -> Stored:
    """Store an admitted page within the caller's transaction.

    `confirm` also marks what did not change as seen now, as the window will be swept.
    """
    changed = 0
    for record, rows in admitted.items():
        changed += store_rows(
            connection,
            record,
            rows,
            moment,
            snapshot=record in stream.snapshot,
            confirm=confirm and record is stream.record,
        )
        forget_rejects(connection, moment.source, record, [row["source_id"] for row in rows])
    deleted = {record: list(map(storable, ids)) for record, ids in page.deleted.items()}
    gone = deleted.get(stream.record, ())
    changed += _end_children(connection, stream, admitted, rejected, gone, moment)
    if confirm:
        refused = [r.source_id for r in rejected if r.record is stream.record and r.source_id]
        confirm_refused(connection, stream.record, refused, moment)
    buried = sum(bury(connection, record, ids, moment) for record, ids in deleted.items())
    keep_rejects(connection, moment.source, stream.name, rejected, run_id, moment.now)
    return Stored(
        records=sum(len(rows) for rows in page.records.values()),
        main=main_records(stream, page),
        changed=changed,
        rejected=len(rejected),
        deleted=buried,
    )


def _end_children(
    connection: Connection,
    stream: Stream,
    admitted: Admitted,
    rejected: list[Rejection],
    gone: Sequence[str],
    moment: Moment,
) -> int:
    """End the children that their re-read parents no longer have, and all of those that are gone.

    A rejected child still exists.
    """
    parents = [*(row["source_id"] for row in admitted.get(stream.record, [])), *gone]
    ended = 0
    for child, field in stream.children.items():
        present = [row["source_id"] for row in admitted.get(child, [])]
        present += [r.source_id for r in rejected if r.record is child and r.source_id]
        ended += end_missing_children(connection, child, field, parents, present, moment)
    return ended
