"""Check of all files at once: every faulty column with its count and first lines."""

from collections.abc import Iterator, Sequence, Set
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from cs_sync import CsSyncError, Finding
from cs_sync_files.column_plans import MISSING_COLUMN, RowFault, compile_plan, find_attributes
from cs_sync_files.folder import Folder
from cs_sync_files.pages import PAGE_ROWS, PageReader
from cs_sync_files.raw_rows import RawRow
from cs_sync_files.readers import read_columns, read_rows
from cs_sync_files.tables import Table

MAX_LINES_SHOWN = 3
"""So many lines of a fault are named."""

_OF_COLUMN = frozenset({"unknown_column", "duplicate_column", MISSING_COLUMN})
_REMEDIES = {
    "missing_value": "fill it in",
    "bad_value": "correct the cells, what the map says, or how the file is exported",
    "missing_reference": "add the rows that are missing, or correct the references",
    "duplicate_id": "keep one of the rows",
    "bad_encoding": "save the file as UTF-8",
}


@dataclass(slots=True)
class FaultSummary:
    """One kind of fault of one column (None: of whole rows), with its lines."""

    code: str
    column: str | None
    why: str
    count: int = 0
    lines: list[int] = field(default_factory=list)

    def add(self, line: int) -> None:
        """Count one more row."""
        self.count += 1
        if len(self.lines) < MAX_LINES_SHOWN:
            self.lines.append(line)

    def to_finding(self, file: str) -> Finding:
        """Return the faults as a finding."""
        if self.code in _OF_COLUMN:
            rows = "every row" if self.code == MISSING_COLUMN else "every row with it"
            message = f"column {self.column}: {rows} is rejected"
            return Finding(ok=False, subject=file, message=message, remedy=self.why)
        column = f"column {self.column}: " if self.column else ""
        rows = _format_count(self.count)
        lines = ", ".join(map(str, self.lines)) + (" …" if self.count > len(self.lines) else "")
        message = f"{column}{rows} rejected (line {lines}): {self.why}"
        return Finding(
            ok=False,
            subject=file,
            message=message,
            remedy=_REMEDIES.get(self.code, "correct these rows"),
        )


def _format_count(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows:,} rows"


Troubles = dict[tuple[str, str | None], FaultSummary]


def check_tables(folder: Folder) -> Iterator[Finding]:
    """Yield the findings on each file of a table, good or bad."""
    tables = folder.tables()
    unread = {
        path: problem
        for table in tables
        for path in folder.files(table)
        if (problem := _check_readable(table, path))
    }
    unknown = {table.name for table in tables if unread.keys() & set(folder.files(table))}
    for table in tables:
        readable = [path for path in folder.files(table) if path not in unread]
        yield from (unread[path] for path in folder.files(table) if path in unread)
        yield from _check_table(folder, table, readable, unknown)
    yield from _check_prices(tables, folder)


def _check_prices(tables: Sequence[Table], folder: Folder) -> Iterator[Finding]:
    """Yield a remark where subscriptions have no prices."""
    by_name = {table.name: table for table in tables}
    if "subscriptions" in by_name and "subscription_items" not in by_name:
        for path in folder.files(by_name["subscriptions"]):
            message = "no prices: without subscription_items there is no MRR"
            yield Finding(ok=True, subject=path.name, message=message)


def _check_readable(table: Table, path: Path) -> Finding | None:
    try:
        read_columns(path, table.layout)
    except CsSyncError as error:
        return Finding(ok=False, subject=path.name, message=error.message, remedy=error.remedy)
    except OSError as error:
        return Finding(
            ok=False, subject=path.name, message=str(error), remedy="let cs-sync read the file"
        )
    return None


def _check_table(
    folder: Folder, table: Table, paths: list[Path], unknown: Set[str]
) -> Iterator[Finding]:
    """Read every row; look ids up in all files of a table."""
    reader = PageReader(folder, table, without=unknown)
    with closing(reader.seen):
        for path in paths:
            columns = read_columns(path, table.layout)
            troubles = _check_header(folder, table, columns)
            count = _count_rows(reader, path, troubles)
            missing = table.missing(table.find_fields(columns).keys()) if columns else []
            for name in missing:
                troubles.pop(("missing_value", name), None)
            missing = [name for name in missing if not _is_found_otherwise(table, name)]
            for name in missing:
                message = f"no column {name}: every row is rejected"
                yield Finding(ok=False, subject=path.name, message=message, remedy="add it")
            yield from (trouble.to_finding(path.name) for trouble in troubles.values())
            if not troubles and not missing:
                yield Finding(
                    ok=True,
                    subject=path.name,
                    message=f"{_describe_columns(folder, table, path, columns)}, "
                    f"{_format_count(count)}",
                )


def _is_found_otherwise(table: Table, name: str) -> bool:
    """Return whether a required field needs no column of its own.

    That its map names one which is not there is a fault of its own, and amounts or the row that
    a row belongs to may have the currency.
    """
    return table.is_mapped and (name in table.columns or name == "currency")


def _describe_columns(folder: Folder, table: Table, path: Path, columns: tuple[str, ...]) -> str:
    """Describe how many columns are used, and which no table uses."""
    if not table.is_mapped:
        return f"{len(columns)} columns"
    others = [
        each for each in folder.tables() if each != table and _shares(folder, each, table, path)
    ]
    used = _find_used(table, columns)
    by_any = used.union(*(_find_used(each, columns) for each in others))
    unused = [column for column in columns if column and column not in by_any]
    described = f"{len(used)} of {len(columns)} columns"
    if others:
        described = f"{table.name}: {described}"
    return f"{described} (not used: {', '.join(unused)})" if unused else described


def _shares(folder: Folder, table: Table, other: Table, path: Path) -> bool:
    """Return whether two tables read the same rows of a file."""
    return table.layout.sheet == other.layout.sheet and path in folder.files(table)


def _find_used(table: Table, columns: tuple[str, ...]) -> set[str]:
    """Return the columns that a table's map uses."""
    used = {columns[at] for at in table.find_used_columns(columns)}
    return used | find_attributes(table, columns).keys()


def _check_header(folder: Folder, table: Table, columns: tuple[str, ...]) -> Troubles:
    """Return the faults of unknown columns, also in files without rows."""
    faults = compile_plan(table, columns, folder.zone, text=True).faults
    return {(code, column): FaultSummary(code, column, why) for code, why, column in faults}


def _count_rows(reader: PageReader, path: Path, troubles: Troubles) -> int:
    """Count the rows and add their faults to `troubles`."""
    rows, count = read_rows(path, reader.table.layout), 0
    while chunk := list(islice(rows, PAGE_ROWS)):
        count += len(chunk)
        for raw, fault in reader.inspect(chunk):
            _record_fault(troubles, raw, fault)
    return count


def _record_fault(troubles: Troubles, raw: RawRow, fault: RowFault) -> None:
    key = (fault.code, fault.column)
    if key not in troubles:
        troubles[key] = FaultSummary(fault.code, fault.column, fault.why)
    troubles[key].add(raw.line)
