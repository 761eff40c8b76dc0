"""What people's files hold, before any of it is mapped."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import islice
from os.path import commonprefix
from pathlib import Path
from typing import Any

from cs_sync_files.csv_files import guess_separator
from cs_sync_files.layouts import FileLayout
from cs_sync_files.notation import parse_people_number
from cs_sync_files.raw_rows import begins_with_total
from cs_sync_files.readers import FORMATS, read_columns, read_rows
from cs_sync_files.text_lines import UTF16_MARKS, is_utf8_sample, open_text
from cs_sync_files.workbooks import list_sheets, open_workbook, read_lines

_ROWS = 20_000
"""So many rows of a file are looked at."""
_TOP_LINES = 30
"""The line of the names is among so many."""
_SHORTEST_PATTERN = len("abc*.csv")
_MARKS = (";", "\t", "|", ",")


@dataclass(frozen=True, slots=True)
class Sample:
    """A table as it was found: a file, or a sheet of one, with the cells of its first rows."""

    path: Path
    layout: FileLayout
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    pattern: str = ""
    """What the names of several files of one kind have in common."""

    @property
    def file(self) -> str:
        """The name of its file, or the pattern of its files."""
        return self.pattern or self.path.name

    def list_cells(self, column: str) -> list[Any]:
        """Return the cells of a column that hold something."""
        at = self.columns.index(column)
        return [row[at] for row in self.rows if at < len(row) and row[at] not in (None, "")]


def sample_file(path: Path) -> Iterator[Sample]:
    """Yield what each table of a file holds.

    Raises:
        ConfigError: The file cannot be read as what its name says.
    """
    if path.is_file() and path.suffix.lower() in FORMATS:
        for layout in _find_layouts(path):
            yield _sample(path, layout)


def merge_alike(samples: Sequence[Sample]) -> list[Sample]:
    """Merge files with the same columns whose names begin alike."""
    groups: dict[Any, list[Sample]] = {}
    for at, sample in enumerate(samples):
        plain = sample.layout.model_copy(update={"totals": "refuse"})
        alike = (sample.columns, sample.path.suffix, repr(plain))
        groups.setdefault(at if sample.layout.sheet else alike, []).append(sample)
    return [merged for group in groups.values() for merged in _merge(group, samples)]


def _merge(group: Sequence[Sample], samples: Sequence[Sample]) -> Sequence[Sample]:
    names = [sample.path.name for sample in group]
    pattern = f"{commonprefix(names)}*{group[0].path.suffix}"  # noqa: RUF071 - of characters
    fitting = {sample.path.name for sample in samples if fnmatch(sample.path.name, pattern)}
    if len(group) == 1 or len(pattern) <= _SHORTEST_PATTERN or fitting != set(names):
        return group
    skips = any(sample.layout.totals == "skip" for sample in group)
    layout = group[0].layout.merge(FileLayout(totals="skip")) if skips else group[0].layout
    rows = [row for sample in group for row in sample.rows]
    return [Sample(group[0].path, layout, group[0].columns, rows, pattern)]


def _sample(path: Path, layout: FileLayout) -> Sample:
    columns = read_columns(path, layout)
    kept = [row for row in islice(read_rows(path, layout), _ROWS) if row.columns == columns]
    good = [row.cells for row in kept if row.fault is None]
    if any(row.fault and begins_with_total(row.cells) for row in kept):
        layout = layout.merge(FileLayout(totals="skip"))
    return Sample(path, layout, columns, good)


def _find_layouts(path: Path) -> list[FileLayout]:
    """Find how a file, or each sheet of it, is written."""
    kind = path.suffix.lower()
    if kind == ".csv":
        return [_find_text_layout(path)]
    if kind != ".xlsx":
        return [FileLayout()]
    with open_workbook(path) as book:
        sheets = list_sheets(book)
        return [_find_sheet_layout(sheet, named=len(sheets) > 1) for sheet in sheets]


def _find_sheet_layout(sheet: Any, *, named: bool) -> FileLayout:
    lines = [
        (number, ["" if cell.value is None else str(cell.value) for cell in cells])
        for number, cells in islice(read_lines(sheet), _TOP_LINES)
    ]
    options: dict[str, Any] = {"sheet": sheet.title} if named else {}
    header = find_header([cells for _, cells in lines])
    return FileLayout(**options, **({"header": lines[header][0]} if header else {}))


def _find_text_layout(path: Path) -> FileLayout:
    encoding = _find_encoding(path)
    with open_text(path, encoding) as stream:
        lines = list(islice(stream, _TOP_LINES))
    filled = [at for at, line in enumerate(lines) if line.strip(" \r\n;,\t|")]
    marks = Counter({mark: _count_width(lines, mark) for mark in _MARKS})
    separator = marks.most_common(1)[0][0] if lines else ","
    cells = [next(csv.reader([lines[at]], delimiter=separator), []) for at in filled]
    header = find_header(cells)
    options: dict[str, Any] = {} if encoding == "utf-8" else {"encoding": encoding}
    if header:
        options["header"] = filled[header] + 1
    names = lines[filled[header]] if filled else ""
    if separator != guess_separator(names):
        options["separator"] = separator
    return FileLayout(**options)


def _count_width(lines: Sequence[str], mark: str) -> int:
    """Return in how many lines a mark stands equally often, weighted."""
    counts = Counter(line.count(mark) for line in lines if line.strip())
    often, times = max(counts.items(), key=lambda count: (count[1] * min(count[0], 1), count[0]))
    return often * times


def _find_encoding(path: Path) -> str:
    content = path.read_bytes()
    if content[:2] in UTF16_MARKS:
        return "utf-16"
    return "utf-8" if is_utf8_sample(content) else "windows-1252"


def find_header(lines: Sequence[Sequence[str]]) -> int:
    """Find the line of the names: text, as wide as most.

    >>> find_header([["Customers"], ["No", "Name"], ["1", "Acme"], ["2", "Bolt"]])
    1
    """
    widths = Counter(sum(1 for cell in cells if cell.strip()) for cells in lines)
    usual = max(widths, key=lambda width: (widths[width], width), default=0)
    for at, cells in enumerate(lines):
        names = [cell.strip() for cell in cells if cell.strip()]
        if len(names) >= max(2, usual * 2 / 3) and not any(map(_is_number, names)):
            return at
    return 0


def _is_number(text: str) -> bool:
    try:
        parse_people_number(text, None)
    except ValueError as error:
        return "could be" in str(error)
    return True
