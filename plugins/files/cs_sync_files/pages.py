"""From the rows of one table to pages: references and repeated ids are checked a page at a time."""

from collections.abc import Iterator, Set
from contextlib import closing
from itertools import chain, islice
from typing import Any

from cs_sync import Page, Rejection, Row
from cs_sync_files.folder import Folder
from cs_sync_files.readers import RawRow, read_rows
from cs_sync_files.rows import RowFault, RowParser
from cs_sync_files.seen import Seen
from cs_sync_files.tables import BY_NAME, TARGETS, Table

PAGE_ROWS = 1000
_ALWAYS_CHECKED = frozenset({"account_source_id"})


def read_pages(folder: Folder, table: Table, resume: Any) -> Iterator[Page]:
    """Every row of the table as a record or a rejection, PAGE_ROWS to a page.

    `resume` skips the pages that were stored, unless a file has changed since; the skipped rows
    are still read, because a later row may repeat one of them.
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
        self.parser = RowParser(table, folder.zone, folder.amendment(table))
        self.known = known_ids(folder, table, without)
        self.seen = Seen()

    def read(self, chunk: list[RawRow]) -> tuple[list[Row], list[Rejection]]:
        """The records and rejections of some rows, both in the order of the file."""
        parsed: list[tuple[RawRow, dict[str, Any]]] = []
        faults: list[tuple[RawRow, RowFault]] = []
        for raw in chunk:
            try:
                row = self.parser.parse(raw)
            except RowFault as fault:
                faults.append((raw, fault))
                continue
            lost = next(self._lost_references(raw, row), None)
            if lost:
                faults.append((raw, lost))
            else:
                parsed.append((raw, row))
        records: list[Row] = [
            row | {"raw": raw.raw} for raw, row in self._unrepeated(parsed, faults)
        ]
        faults.sort(key=lambda pair: (pair[0].file, pair[0].line))
        return records, [self._rejection(raw, fault) for raw, fault in faults]

    def inspect(self, chunk: list[RawRow]) -> list[tuple[RawRow, RowFault]]:
        """Everything that is wrong with some rows, several faults of one row included."""
        parsed: list[tuple[RawRow, dict[str, Any]]] = []
        faults: list[tuple[RawRow, RowFault]] = []
        for raw in chunk:
            row, wrong = self.parser.inspect(raw)
            wrong += self._lost_references(raw, row)
            if wrong:
                faults += [(raw, fault) for fault in wrong]
            else:
                parsed.append((raw, row))
        for _ in self._unrepeated(parsed, faults):
            pass
        return faults

    def _lost_references(self, raw: RawRow, row: dict[str, Any]) -> Iterator[RowFault]:
        """The references of a row that lead nowhere."""
        for name, (target, ids) in self.known.items():
            value = row.get(name)
            if value is not None and value not in ids:
                columns = {self.table.column_field(column): column for column in raw.columns}
                why = f"{value!r} is in no file of {target}; add it there or correct the reference"
                yield RowFault("missing_reference", why, columns.get(name), row.get("source_id"))

    def _unrepeated(
        self, parsed: list[tuple[RawRow, dict[str, Any]]], faults: list[tuple[RawRow, RowFault]]
    ) -> Iterator[tuple[RawRow, dict[str, Any]]]:
        """The rows whose key is new; the others join the faults."""
        places = [(row_key(row), place(raw)) for raw, row in parsed]
        for (raw, row), earlier in zip(parsed, self.seen.add(places), strict=True):
            if earlier is None:
                yield raw, row
                continue
            column = "source_id" if "source_id" in raw.columns else None
            why = f"{row['source_id']!r} stands already in {earlier}; keep one of the two rows"
            faults.append((raw, RowFault("duplicate_id", why, column, row["source_id"])))

    def _rejection(self, raw: RawRow, fault: RowFault) -> Rejection:
        where = place(raw) + (f", column {fault.column}" if fault.column else "")
        received = {"file": raw.file, "line": raw.line, "row": raw.raw}
        reason = f"{where}: {fault.why}"
        return Rejection(self.table.record, fault.source_id, fault.code, reason, received)


def place(raw: RawRow) -> str:
    """Where a row stands, as people say it."""
    return f"{raw.file}, line {raw.line}"


def row_key(row: dict[str, Any]) -> str:
    """The natural key of a row: its id, and for a version of an item also its begin."""
    begin = row.get("valid_from")
    return f"{row['source_id']} from {begin.isoformat()}" if begin else str(row["source_id"])


def known_ids(
    folder: Folder, table: Table, without: Set[str] = frozenset()
) -> dict[str, tuple[str, frozenset[str]]]:
    """Field that refers → (table it refers to, ids there), for the references to check.

    A reference that a row must have, and any to an account, has to lead somewhere. Another one is
    checked when its file is there: without `contacts`, a contact's id still tells people apart.
    """
    known = {}
    for name in table.references:
        target = TARGETS[name]
        if target in without:
            continue
        must = name in _ALWAYS_CHECKED or name in table.required
        if must or folder.stamp(BY_NAME[target]):
            known[name] = (target, folder.ids(target))
    return known
