"""Paging of a table's rows; references and duplicate ids are checked per page."""

from collections.abc import Iterator, Set
from contextlib import closing
from itertools import chain, islice
from typing import Any

from cs_sync import Page, Rejection, Row
from cs_sync_files.folder import Folder
from cs_sync_files.readers import RawRow, read_rows
from cs_sync_files.rows import RowFault, RowParser
from cs_sync_files.seen import SeenKeys
from cs_sync_files.tables import BY_NAME, TARGETS, Table

PAGE_ROWS = 1000
_ALWAYS_CHECKED = frozenset({"account_source_id"})


def read_pages(folder: Folder, table: Table, resume: Any) -> Iterator[Page]:
    """Yield every row of the table as a record or a rejection, PAGE_ROWS per page.

    `resume` skips the stored pages, unless a file has changed since; skipped rows are still
    read, because a later row may repeat one of them.
    """
    stamp = folder.stamp(table)
    done = resume["rows"] if resume and resume["files"] == stamp else 0
    rows = chain.from_iterable(read_rows(path) for path in folder.files(table))
    reader = PageReader(folder, table)
    with closing(reader.seen):
        chunk = list(islice(rows, PAGE_ROWS))
        count = 0
        while True:
            records, rejected = reader.read(chunk)
            count += len(chunk)
            chunk = list(islice(rows, PAGE_ROWS))
            token = {"files": stamp, "rows": count} if chunk else None
            if count > done or not chunk:
                yield Page({table.record: records}, resume=token, rejected=rejected)
            if not chunk:
                return


class PageReader:
    """Checks the rows of one table, each alone and then against the others."""

    def __init__(self, folder: Folder, table: Table, without: Set[str] = frozenset()) -> None:
        """References to the tables `without` are not checked, as these cannot be read."""
        self.table = table
        self.parser = RowParser(table, folder.zone, folder.find_amendment(table))
        self.known = find_known_ids(folder, table, without)
        self.seen = SeenKeys()

    def read(self, chunk: list[RawRow]) -> tuple[list[Row], list[Rejection]]:
        """Return the records and rejections of some rows, in the order of the file."""
        parsed: list[tuple[RawRow, dict[str, Any]]] = []
        faults: list[tuple[RawRow, RowFault]] = []
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
                parsed.append((raw, row))
        records: list[Row] = [
            row | {"raw": raw.raw} for raw, row in self._drop_duplicates(parsed, faults)
        ]
        faults.sort(key=lambda pair: (pair[0].file, pair[0].line))
        return records, [self._make_rejection(raw, fault) for raw, fault in faults]

    def inspect(self, chunk: list[RawRow]) -> list[tuple[RawRow, RowFault]]:
        """Return all faults of some rows, several per row included."""
        parsed: list[tuple[RawRow, dict[str, Any]]] = []
        faults: list[tuple[RawRow, RowFault]] = []
        for raw in chunk:
            row, wrong = self.parser.inspect(raw)
            wrong += self._find_lost_references(raw, row)
            if wrong:
                faults += [(raw, fault) for fault in wrong]
            else:
                parsed.append((raw, row))
        for _ in self._drop_duplicates(parsed, faults):
            pass
        return faults

    def _find_lost_references(self, raw: RawRow, row: dict[str, Any]) -> Iterator[RowFault]:
        """Yield the row's references to missing rows."""
        for name, (target, ids) in self.known.items():
            value = row.get(name)
            if value is not None and value not in ids:
                columns = {self.table.find_column_field(column): column for column in raw.columns}
                why = f"{value!r} is in no file of {target}; add it there or correct the reference"
                yield RowFault("missing_reference", why, columns.get(name), row.get("source_id"))

    def _drop_duplicates(
        self, parsed: list[tuple[RawRow, dict[str, Any]]], faults: list[tuple[RawRow, RowFault]]
    ) -> Iterator[tuple[RawRow, dict[str, Any]]]:
        """Yield the rows with a new key; the others are added to the faults."""
        places = [(get_row_key(row), format_place(raw)) for raw, row in parsed]
        for (raw, row), earlier in zip(parsed, self.seen.add(places), strict=True):
            if earlier is None:
                yield raw, row
                continue
            column = "source_id" if "source_id" in raw.columns else None
            why = f"{row['source_id']!r} stands already in {earlier}; keep one of the two rows"
            faults.append((raw, RowFault("duplicate_id", why, column, row["source_id"])))

    def _make_rejection(self, raw: RawRow, fault: RowFault) -> Rejection:
        where = format_place(raw) + (f", column {fault.column}" if fault.column else "")
        received = {"file": raw.file, "line": raw.line, "row": raw.raw}
        reason = f"{where}: {fault.why}"
        return Rejection(self.table.record, fault.source_id, fault.code, reason, received)


def format_place(raw: RawRow) -> str:
    """Return a row's file and line as text."""
    return f"{raw.file}, line {raw.line}"


def get_row_key(row: dict[str, Any]) -> str:
    """Return a row's natural key: its id, for an item version also its start."""
    begin = row.get("valid_from")
    return f"{row['source_id']} from {begin.isoformat()}" if begin else str(row["source_id"])


def find_known_ids(
    folder: Folder, table: Table, without: Set[str] = frozenset()
) -> dict[str, tuple[str, frozenset[str]]]:
    """Return referring field → (target table, ids in it), for the references to check.

    Required references and those to accounts must exist. Others are checked if their file
    exists: without `contacts`, a contact's id still distinguishes people.
    """
    ids_by_field = {}
    for name in table.references:
        target = TARGETS[name]
        if target in without:
            continue
        must = name in _ALWAYS_CHECKED or name in table.required
        if must or folder.stamp(BY_NAME[target]):
            ids_by_field[name] = (target, folder.ids(target))
    return ids_by_field
