"""One row of a file as it was read, and what about it is wrong."""

import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple, NoReturn

from cs_sync import ConfigError

_TOTAL = re.compile(
    r"((grand|sub|net|overall)[ -]?)?(totals?|sums?|summe|gesamt|zwischensumme|endsumme|"
    r"gesamtsumme|insgesamt|somme|totale|totaal|totalt|suma|razem|ogółem|итого|всего|合计|总计|合計|"
    r"總計|รวม)( (general|général|generale|geral|all))?[ :=]*",
    re.IGNORECASE,
)
_LONGEST_TOTAL = 24
_FIGURES = frozenset("0123456789")
"""What no such word ends with, and most ids do."""
_PLAIN = (".csv", ".jsonl")


class RawRow(NamedTuple):
    """One row as read; `line` is its first line, `fault` (code, reason) if it is invalid.

    Called, it gives the row as a connector's record may keep it.
    """

    file: str
    line: int
    columns: tuple[str, ...]
    cells: Any
    fault: tuple[str, str] | None = None

    def __call__(self) -> dict[str, Any]:
        """Return the row by column name, for JSON.

        Surplus cells have an empty name.
        """
        if self.fault is None and self.file.lower().endswith(_PLAIN):
            return dict(zip(self.columns, self.cells, strict=True))
        row: dict[str, Any] = {
            name: _to_storable(cell) for name, cell in zip(self.columns, self.cells, strict=False)
        }
        if len(self.cells) > len(self.columns):
            row[""] = [_to_storable(cell) for cell in self.cells[len(self.columns) :]]
        return row


class CellError:
    """A cell that holds an error of the spreadsheet, such as #REF!."""

    def __init__(self, text: str, why: str = "an error of the spreadsheet") -> None:
        self.text, self.why = text, why

    def __repr__(self) -> str:
        return f"{self.text} ({self.why})"

    def __str__(self) -> str:
        return self.text


def settle_totals(
    rows: Iterable[RawRow], totals: Literal["refuse", "skip", "keep"]
) -> Iterator[RawRow]:
    """Yield the rows; totals are marked, left out or kept."""
    if totals == "keep":
        yield from rows
        return
    for row in rows:
        first = row.cells[0] if row.fault is None and row.cells else None
        if type(first) is str and first and first[-1] in _FIGURES:
            yield row  # as most rows do, it begins with an id
        elif row.fault or not begins_with_total(row.cells):
            yield row
        elif totals == "refuse":
            why = (
                'begins with a word for a total; take it out, or set totals = "skip" '
                '(or "keep", if it is none) where the file is described'
            )
            yield row._replace(fault=("totals_line", why))


def begins_with_total(cells: Iterable[Any]) -> bool:
    """Return whether the first filled cell is a word for totals."""
    for cell in cells:
        if cell is not None and cell != "":
            if not isinstance(cell, str) or len(cell) > _LONGEST_TOTAL or cell[-1] in _FIGURES:
                return False
            return _TOTAL.fullmatch(cell.strip()) is not None
    return False


def refuse_file(path: Path, what: str, remedy: str) -> NoReturn:
    """Raise what is wrong with a whole file."""
    raise ConfigError(f"{path} {what}", remedy)


def _to_storable(cell: Any) -> Any:
    """Return a value that JSON and every database can store."""
    if isinstance(cell, str):
        return cell.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
    if isinstance(cell, list | tuple):
        return [_to_storable(part) for part in cell]
    if isinstance(cell, dict):
        return {str(name): _to_storable(part) for name, part in cell.items()}
    if isinstance(cell, float):
        return cell if math.isfinite(cell) else str(cell)
    return cell if cell is None or isinstance(cell, bool | int) else str(cell)
