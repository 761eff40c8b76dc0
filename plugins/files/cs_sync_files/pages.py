"""Paging of a table's rows; references and duplicate ids are checked per page."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import Any

from cs_sync import Page, Rejection, Window
from cs_sync_files.column_plans import RowFault
from cs_sync_files.dedup import SeenKeys
from cs_sync_files.folder import Folder
from cs_sync_files.raw_rows import RawRow
from cs_sync_files.readers import read_rows
from cs_sync_files.rows import LOST, RowParser
from cs_sync_files.tables import Table
from cs_sync_files.tokens import (
    OUTDATED,
    TableToken,
    build_token,
    count_read,
    find_change,
    parse_token,
)

PAGE_ROWS = 1000


@dataclass(frozen=True, slots=True)
class RowRange:
    """Rows to read of a table.

    `interim` is what the resume points of all but the last page hold beside the number of rows,
    `done` the rows that are stored, `unchanged` the records stored by earlier reads, if any.
    """

    rows: Iterator[RawRow]
    token: TableToken
    interim: Mapping[str, Any] = field(default_factory=dict)
    done: int = 0
    unchanged: int | None = None


def read_pages(folder: Folder, table: Table, window: Window) -> Iterator[Page]:
    """Yield every row as a record or a rejection, in pages.

    A backfill holds every row. Any other window goes on from a complete read: it holds the rows
    that were appended since, and nothing where the files changed otherwise, as only a backfill
    finds what is gone. The `resume` of the last page is the token of a complete read.
    """
    token = build_token(folder, table)
    if window.backfill:
        yield from _read_range(folder, table, _plan_whole(folder, table, token, window.resume))
        return
    before = parse_before(window.resume)
    change = find_change(folder, table, before)
    if change == "none":
        kept = _count_before(token, before)
        yield Page({table.record: []}, kept.to_json(), unchanged=before.rows, last=True)
    elif change == "appended":
        appended = _plan_appended(folder, table, token, window.resume)
        yield from _read_range(folder, table, appended)
    else:
        yield Page({})


def parse_before(resume: Any) -> TableToken:
    """Parse the complete read from which a window goes on.

    A window that is not a backfill.
    """
    return parse_token(resume.get("before", resume))


def _count_before(token: TableToken, before: TableToken) -> TableToken:
    return replace(token, rows=before.rows, lost=before.lost, broken=before.broken)


def _plan_whole(folder: Folder, table: Table, token: TableToken, resume: Any) -> RowRange:
    rows = chain.from_iterable(read_rows(path, table.layout) for path in folder.files(table))
    interim = {"files": token.to_json()["files"]}
    done = _count_done(interim, resume)
    if resume is not None and not done:
        # This window has stored rows of other files, too: the next read finds what is gone.
        token = replace(token, settings=OUTDATED)
    return RowRange(rows, token, interim, done)


def _plan_appended(folder: Folder, table: Table, token: TableToken, resume: Any) -> RowRange:
    before, [path] = parse_before(resume), folder.files(table)
    interim = {"files": token.to_json()["files"], "before": before.to_json()}
    return RowRange(
        rows=read_rows(path, table.layout, before.files[0]),
        token=_count_before(token, before),
        interim=interim,
        done=_count_done(interim, resume),
        unchanged=before.rows,
    )


def _count_done(interim: Mapping[str, Any], resume: Any) -> int:
    """Count the rows that are stored.

    None of them, if a file changed since.
    """
    is_interim = resume is not None and "settings" not in resume
    return resume["rows"] if is_interim and resume["files"] == interim["files"] else 0


def _read_range(folder: Folder, table: Table, wanted: RowRange) -> Iterator[Page]:
    """Yield the pages that are not stored yet.

    Rows before them are still read, because a later row may repeat one of them.
    """
    reader, token = PageReader(folder, table), wanted.token
    unchanged = wanted.unchanged
    with closing(reader.seen):
        chunk = list(islice(wanted.rows, PAGE_ROWS))
        count = 0
        while True:
            records, rejected = reader.read(chunk)
            count += len(chunk)
            token = count_read(token, len(records), rejected)
            chunk = list(islice(wanted.rows, PAGE_ROWS))
            resume = {**wanted.interim, "rows": count} if chunk else token.to_json()
            if count > wanted.done or not chunk:
                yield Page(
                    {table.record: records},
                    resume,
                    rejected=rejected,
                    unchanged=unchanged,
                    last=not chunk,
                )
                unchanged = None
            if not chunk:
                return


class PageReader:
    """Checks the rows of one table, each alone and then against the others."""

    def __init__(self, folder: Folder, table: Table, without: Set[str] = frozenset()) -> None:
        """Prepare to read; references to tables `without` are not checked.

        They cannot be read.
        """
        self.table = table
        self.parser = RowParser(
            table, folder.zone, folder.find_amendment(table), folder.find_currency_finder(table)
        )
        self.known = folder.find_known_ids(table, without)
        self.seen = SeenKeys()

    def read(self, chunk: Sequence[RawRow]) -> tuple[list[dict[str, Any]], list[Rejection]]:
        """Read the records and rejections of some rows.

        In the order of the file.
        """
        faults: list[tuple[RawRow, RowFault]] = []
        rows = self.parser.parse_alike(chunk)
        if rows is None or not self._find_all_references(rows):
            chunk, rows = self._parse_each(chunk, faults)
        records: list[dict[str, Any]] = []
        for raw, row in self._drop_duplicates(chunk, rows, faults):
            row["raw"] = raw
            records.append(row)
        faults.sort(key=lambda pair: (pair[0].file, pair[0].line))
        return records, [self._make_rejection(raw, fault) for raw, fault in faults]

    def _find_all_references(self, rows: Sequence[dict[str, Any]]) -> bool:
        """Return whether every reference of some rows leads to a row."""
        return all(
            ids.issuperset({row[name] for row in rows if name in row})
            for name, (_, ids) in self.known.items()
        )

    def _parse_each(
        self, chunk: Sequence[RawRow], faults: list[tuple[RawRow, RowFault]]
    ) -> tuple[list[RawRow], list[dict[str, Any]]]:
        """Parse rows one by one; the bad ones become faults.

        Returns the good rows as read and as records.
        """
        good: list[RawRow] = []
        rows: list[dict[str, Any]] = []
        for raw in chunk:
            try:
                row = self.parser.parse(raw)
            except RowFault as fault:
                faults.append((raw, fault))
                continue
            lost = next(self._find_lost_references(raw, row), None)
            if lost:
                faults.append((raw, lost))
            else:
                good.append(raw)
                rows.append(row)
        return good, rows

    def inspect(self, chunk: list[RawRow]) -> list[tuple[RawRow, RowFault]]:
        """Return all faults of some rows, several per row included."""
        good: list[RawRow] = []
        rows: list[dict[str, Any]] = []
        faults: list[tuple[RawRow, RowFault]] = []
        for raw in chunk:
            row, wrong = self.parser.inspect(raw)
            wrong += self._find_lost_references(raw, row)
            if wrong:
                faults += [(raw, fault) for fault in wrong]
            else:
                good.append(raw)
                rows.append(row)
        self._drop_duplicates(good, rows, faults)
        return faults

    def _find_lost_references(self, raw: RawRow, row: dict[str, Any]) -> Iterator[RowFault]:
        """Yield the row's references to missing rows."""
        for name, (target, ids) in self.known.items():
            value = row.get(name)
            if value is not None and value not in ids:
                columns = self.table.find_fields(raw.columns)
                why = f"{value!r} is in no file of {target}; add it there or correct the reference"
                yield RowFault(LOST, why, columns.get(name), row.get("source_id"))

    def _drop_duplicates(
        self,
        chunk: Sequence[RawRow],
        rows: Sequence[dict[str, Any]],
        faults: list[tuple[RawRow, RowFault]],
    ) -> Iterable[tuple[RawRow, dict[str, Any]]]:
        """Drop the rows with a repeated key; they become faults."""
        earlier = self.seen.add(self._list_keys(rows), [(raw.file, raw.line) for raw in chunk])
        if not earlier:
            return zip(chunk, rows, strict=True)
        for at, (file, line) in earlier.items():
            raw, source_id = chunk[at], rows[at]["source_id"]
            column = self.table.find_fields(raw.columns).get("source_id")
            why = f"{source_id!r} stands already in {file}, line {line}; keep one of the two rows"
            faults.append((raw, RowFault("duplicate_id", why, column, source_id)))
        pairs = enumerate(zip(chunk, rows, strict=True))
        return [pair for at, pair in pairs if at not in earlier]

    def _list_keys(self, rows: Sequence[dict[str, Any]]) -> list[str]:
        """List the natural keys of rows: see `get_row_key`."""
        if "valid_from" in self.table.fields:
            return list(map(get_row_key, rows))
        return [row["source_id"] for row in rows]

    def _make_rejection(self, raw: RawRow, fault: RowFault) -> Rejection:
        column = f", column {fault.column}" if fault.column else ""
        where = f"{raw.file}, line {raw.line}{column}"
        received = {"file": raw.file, "line": raw.line, "row": raw()}
        reason = f"{where}: {fault.why}"
        return Rejection(self.table.record, fault.source_id, fault.code, reason, received)


def get_row_key(row: dict[str, Any]) -> str:
    """Return a row's natural key.

    Its id, for an item version also its start.
    """
    begin = row.get("valid_from")
    source_id: str = row["source_id"]
    return f"{source_id} from {begin.isoformat()}" if begin else source_id
