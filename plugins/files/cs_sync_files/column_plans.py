"""How the columns of a file become fields: one plan per set of columns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, get_origin
from zoneinfo import ZoneInfo

from cs_sync_files.cell_places import Place, make_picker
from cs_sync_files.cells import (
    ConversionCache,
    Convert,
    convert_attribute,
    convert_column,
    find_field_type,
    make_converter,
)
from cs_sync_files.layouts import ColumnMap, normalize_column
from cs_sync_files.mapped_cells import (
    make_attribute_converter,
    make_mapped_converter,
)
from cs_sync_files.tables import ATTRIBUTE, Table

MISSING_COLUMN = "missing_column"


class RowFault(Exception):
    """The fault of an invalid row; `source_id` if readable."""

    def __init__(
        self, code: str, why: str, column: str | None = None, source_id: str | None = None
    ) -> None:
        super().__init__(why)
        self.code, self.why, self.column, self.source_id = code, why, column, source_id


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """The mapping of one set of columns to fields; empty if columns are faulty."""

    steps: tuple[tuple[str, str, Convert | None], ...]
    """(column, field, converter) of each cell; an attribute's field is its column."""

    attributes: tuple[str, ...] = ()
    faults: tuple[tuple[str, str, str], ...] = ()
    """(code, why, column) of each column that is none; the field of its cells is empty."""

    pick: Callable[[Sequence[Any]], Sequence[Any]] | None = None
    """Picks the cell of each step from a row; None: the steps are the columns in order."""

    def fill(self, cells: Sequence[Any]) -> dict[str, Any]:
        """Return the fields of the non-empty cells.

        Raises:
            ValueError: A cell is invalid.
        """
        row: dict[str, Any] = {}
        for (_, name, convert), cell in zip(self.steps, self._pick(cells), strict=True):
            if cell is not None and cell != "":
                value = cell if convert is None else convert(cell)
                if value is not None:
                    row[name] = value
        if self.attributes:
            extra_cells = {column: row.pop(column) for column in self.attributes if column in row}
            attributes = {
                column.removeprefix(ATTRIBUTE): value for column, value in extra_cells.items()
            }
            row["attributes"] = {**row.get("attributes", {}), **attributes}
        return row

    def fill_alike(self, rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
        """Return the fields of the non-empty cells of rows, column by column.

        Raises:
            ValueError: A cell is invalid.
        """
        names = [name for _, name, _ in self.steps]
        rows = rows if self.pick is None else list(map(self.pick, rows))
        columns = [
            convert_column(convert, cells)
            for (_, _, convert), cells in zip(self.steps, zip(*rows, strict=True), strict=True)
        ]
        if not any(None in column for column in columns):
            return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
        return [
            {name: value for name, value in zip(names, values, strict=True) if value is not None}
            for values in zip(*columns, strict=True)
        ]

    def inspect(self, cells: Sequence[Any]) -> tuple[dict[str, Any], list[RowFault]]:
        """Return the good cells' fields, and the others' faults."""
        row: dict[str, Any] = {}
        faults = [RowFault(*fault) for fault in self.faults]
        for (column, name, convert), cell in zip(self.steps, self._pick(cells), strict=True):
            if not name or cell is None or cell == "":
                continue
            try:
                value = cell if convert is None else convert(cell)
            except ValueError as error:
                faults.append(RowFault("bad_value", str(error), column))
            else:
                row |= {} if value is None else {name: value}
        return row, faults

    def _pick(self, cells: Sequence[Any]) -> Sequence[Any]:
        return cells if self.pick is None else self.pick(cells)


def compile_plan(table: Table, columns: Sequence[str], zone: ZoneInfo, *, text: bool) -> ColumnPlan:
    """Compile the plan for these columns.

    Its faults name columns without their own field.
    """
    if table.is_mapped:
        return compile_mapped_plan(table, columns, zone, text=text)
    steps: list[tuple[str, str, Convert | None]] = []
    attributes: list[str] = []
    faults: list[tuple[str, str, str]] = []
    taken: dict[str, str] = {}
    for column in columns:
        name = column if is_attribute(table, column) else table.find_column_field(column)
        fault = _column_fault(table, column, name, taken)
        if fault or name is None:
            faults += [fault] if fault else []
            steps.append((column, "", None))
            continue
        taken[name] = column
        if is_attribute(table, column):
            attributes.append(column)
            steps.append((column, name, None if text else convert_attribute))
        else:
            steps.append((column, name, make_converter(table.record, name, zone, text=text)))
    return ColumnPlan(tuple(steps), tuple(attributes), tuple(faults))


def _column_fault(
    table: Table, column: str, name: str | None, taken: dict[str, str]
) -> tuple[str, str, str] | None:
    if name is None:
        return "unknown_column", unknown_column_remedy(table, column), column
    if name in taken:
        why = f"says the same as column {taken[name]}; keep one of them"
        return "duplicate_column", why, column
    return None


def is_attribute(table: Table, column: str) -> bool:
    """Return whether a column holds an attribute of accounts, e.g. `attr.plan`."""
    return table.name == "accounts" and column.startswith(ATTRIBUTE) and column != ATTRIBUTE


def unknown_column_remedy(table: Table, column: str) -> str:
    """Return the remedy for an unknown column."""
    if not column:
        return "a column in the middle has no name; name it, or take it out"
    near = get_close_matches(column.lower(), table.fields, 1, cutoff=0.75)
    if near:
        return f"unknown column; did you mean {near[0]}?"
    if table.name == "accounts":
        return f"unknown column; name it {ATTRIBUTE}{column} to keep it as an attribute"
    return f"unknown column; {table.name} have {', '.join(table.fields)}"


def combine_faults(faults: Sequence[tuple[str, str, str]]) -> RowFault:
    """Return one fault that names every wrong column."""
    (code, why, column), *others = faults
    more = "".join(f"; column {name}: {what}" for _, what, name in others)
    return RowFault(code, why + more, column)


def compile_identity(table: Table, zone: ZoneInfo) -> ColumnPlan:
    """Compile the plan for the cells of a table's identity."""
    if not table.is_mapped:
        return compile_plan(table, table.identity, zone, text=False)
    steps = [
        (name, name, make_mapped_converter(table, name, zone) if name in table.columns else None)
        for name in table.identity
    ]
    return ColumnPlan(tuple(steps))


def compile_mapped_plan(
    table: Table, columns: Sequence[str], zone: ZoneInfo, *, text: bool
) -> ColumnPlan:
    """Compile the plan for a mapped file; unnamed columns are left out."""
    steps: list[tuple[str, str, Convert | None]] = []
    places: list[Place] = []
    faults: list[tuple[str, str, str]] = []
    named = table.find_fields(columns)
    for name, spec in table.columns.items():
        if "*" in name or spec.constant == "":
            continue
        place = table.find_place(columns, name)
        if place is None:
            faults += [] if spec.optional else [_missing_column_fault(columns, name, spec)]
            continue
        steps.append((named[name], name, _make_step_converter(table, name, zone, text=text)))
        places.append(place)
    for column, name in find_attributes(table, columns).items():
        steps.append((column, name, make_attribute_converter(table, None)))
        places.append(columns.index(column))
    faults += _find_repeated(columns, places)
    return ColumnPlan(
        steps=tuple(steps),
        attributes=tuple(name for _, name, _ in steps if name.startswith(ATTRIBUTE)),
        faults=tuple(faults),
        pick=make_picker(places, len(columns)),
    )


def _make_step_converter(table: Table, name: str, zone: ZoneInfo, *, text: bool) -> Convert:
    """Make the converter of a mapped field or attribute."""
    if name not in table.fields:
        return make_attribute_converter(table, table.columns[name])
    convert = make_mapped_converter(table, name, zone)
    kind, _ = find_field_type(table.record, name)
    is_shared = get_origin(kind) in (list, dict)
    return convert if is_shared or not text else ConversionCache(convert).__getitem__


def find_attributes(table: Table, columns: Sequence[str]) -> dict[str, str]:
    """Return the columns that patterns make attributes, with their names.

    A column that another field comes from is none.
    """
    used = set(table.find_used_columns(columns))
    attributes: dict[str, str] = {}
    for pattern, spec in table.columns.items():
        prefix, star, suffix = pattern.partition("*")
        if not star:
            continue
        for wanted in spec.column:
            before, _, after = normalize_column(wanted).partition("*")
            for at, column in enumerate(columns):
                folded = normalize_column(column)
                fits = folded.startswith(before) and folded.endswith(after)
                inner = column.strip()[len(before) : len(column.strip()) - len(after)].strip()
                if fits and inner and at not in used and column not in attributes:
                    attributes[column] = f"{prefix}{inner}{suffix}"
    return attributes


def _missing_column_fault(
    columns: Sequence[str], name: str, spec: ColumnMap
) -> tuple[str, str, str]:
    """Return the fault of a column that the file lacks."""
    wanted = [*spec.column, *spec.columns]
    near = get_close_matches(wanted[0].casefold(), map(normalize_column, columns), 1, cutoff=0.75)
    if near:
        hint = next(column for column in columns if normalize_column(column) == near[0])
        remedy = f"did you mean {hint}?"
    else:
        listed = ", ".join(column for column in columns if column)
        remedy = f"its line of names has {listed}; correct the map, or say which line: header = 2"
    why = f"is not in the file, and the map takes {name} from it; {remedy}"
    return MISSING_COLUMN, why, " or ".join(spec.column) or " + ".join(spec.columns)


def _find_repeated(columns: Sequence[str], places: Sequence[Place]) -> list[tuple[str, str, str]]:
    """Return the faults of used columns whose name stands twice."""
    used = {place for place in places if isinstance(place, int)}
    used |= {at for place in places if isinstance(place, tuple) for at in place[1]}
    folded = list(map(normalize_column, columns))
    why = "two columns have this name; rename one of them"
    return [
        ("duplicate_column", why, columns[at])
        for at in sorted(used)
        if folded.count(folded[at]) > 1
    ]
