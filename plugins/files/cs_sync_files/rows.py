"""Mapping of rows to records; a fault names its column."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo

from cs_sync_files.cells import Convert, convert_column, make_converter
from cs_sync_files.readers import RawRow
from cs_sync_files.tables import ATTRIBUTE, Table
from cs_sync_schemas import Record

LOST = "missing_reference"
Amend = Callable[[dict[str, Any]], None]
"""Fills in what other rows know, e.g. when a version ends."""


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

    def fill(self, cells: Sequence[Any]) -> dict[str, Any]:
        """Return the fields of the non-empty cells.

        Raises:
            ValueError: A cell is invalid.
        """
        row: dict[str, Any] = {}
        for (_, name, convert), cell in zip(self.steps, cells, strict=True):
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
        for (column, name, convert), cell in zip(self.steps, cells, strict=True):
            if not name or cell is None or cell == "":
                continue
            try:
                row[name] = cell if convert is None else convert(cell)
            except ValueError as error:
                faults.append(RowFault("bad_value", str(error), column))
        return row, faults


@dataclass
class RowParser:
    """Maps the rows of one table to records; plans are compiled once per set of columns."""

    table: Table
    zone: ZoneInfo
    amend: Amend | None = None
    _plans: dict[tuple[bool, tuple[str, ...]], ColumnPlan] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._identity = compile_plan(self.table, self.table.identity, self.zone, text=False)
        self._required = frozenset(self.table.required)
        self._has_rule = "rule" in vars(self.table.record)

    def parse_alike(self, chunk: Sequence[RawRow]) -> list[dict[str, Any]] | None:
        """Parse the records of rows with the same columns.

        The result is as `parse` gives one by one. None: a row is faulty or differs, so that each
        needs a look of its own.
        """
        columns = chunk[0].columns if chunk else ()
        if any(raw.fault or raw.columns != columns for raw in chunk):
            return None
        if not chunk or (plan := self._plan(chunk[0])).faults or plan.attributes:
            return None
        try:
            rows = plan.fill_alike([raw.cells for raw in chunk])
            for row in rows:
                self._complete(row)
            if not all(self._required <= row.keys() for row in rows):
                return None
            if self._has_rule:
                for row in rows:
                    self._check_rule(row)
        except (ValueError, RowFault):
            return None
        return rows

    def parse(self, raw: RawRow) -> dict[str, Any]:
        """Return the fields of the record with its `source_id`.

        Raises:
            RowFault: The row is invalid.
        """
        if raw.fault:
            raise RowFault(*raw.fault, source_id=self.read_source_id(raw))
        plan = self._plan(raw)
        try:
            return self._finish(plan, raw)
        except RowFault as fault:
            fault.source_id = fault.source_id or self.read_source_id(raw)
            raise

    def inspect(self, raw: RawRow) -> tuple[dict[str, Any], list[RowFault]]:
        """Return the readable fields, and all faults within the row."""
        if raw.fault:
            return {}, [RowFault(*raw.fault)]
        row, faults = self._plan(raw).inspect(raw.cells)
        bad = {fault.column for fault in faults}
        present = {self.table.find_column_field(str(column)) for column in bad} | row.keys()
        for name in self.table.missing(present):
            faults.append(self._missing_fault(name, raw.columns))
        if not faults:
            try:
                return self.parse(raw), []
            except RowFault as fault:
                faults.append(fault)
        return row, faults

    def _finish(self, plan: ColumnPlan, raw: RawRow) -> dict[str, Any]:
        if plan.faults:
            raise RowFault(*plan.faults[0])
        try:
            row = plan.fill(raw.cells)
        except ValueError:
            raise plan.inspect(raw.cells)[1][0] from None
        self._complete(row)
        for name in self.table.required:
            if name not in row:
                raise self._missing_fault(name, raw.columns)
        self._check_rule(row)
        return row

    def _complete(self, row: dict[str, Any]) -> None:
        """Set what a row lacks and others say, and its id."""
        if self.amend:
            self.amend(row)
        if "source_id" not in row and self.table.identity:
            row["source_id"] = derived_id(self.table, row)

    def _missing_fault(self, name: str, columns: Sequence[str]) -> RowFault:
        """Return the fault of a missing required field, under its column's name."""
        column = next(
            (candidate for candidate in columns if self.table.find_column_field(candidate) == name),
            None,
        )
        why = "is empty" if column else "is missing"
        return RowFault("missing_value", f"{why}, and every row needs it", column or name)

    def _check_rule(self, row: dict[str, Any]) -> None:
        if not self._has_rule:
            return
        record = self.table.record
        reason = record.rule({**_get_defaults(record), **row})
        if reason:
            raise RowFault("impossible", reason, source_id=row["source_id"])

    def read_source_id(self, raw: RawRow) -> str | None:
        """Read a row's id, also an invalid one's.

        None if it has none that can be read. So the stored record of a row that became invalid
        counts as existing.
        """
        fields = map(self.table.find_column_field, raw.columns)
        cells = dict(zip(fields, raw.cells, strict=False))
        identity = () if raw.fault else self.table.identity
        return self.find_source_id(cells.get("source_id"), *map(cells.get, identity))

    def find_source_id(self, given: Any, *identity: Any) -> str | None:
        """Find the id that a row gives, or its cells do.

        It follows from the identifying cells.
        """
        if given is not None and given != "":
            return str(given)
        if not identity:
            return None
        try:
            return derived_id(self.table, self._identity.fill(identity))
        except ValueError:
            return None

    def _plan(self, raw: RawRow) -> ColumnPlan:
        text = raw.file.lower().endswith(".csv")
        key = (text, raw.columns)
        if key not in self._plans:
            self._plans[key] = compile_plan(self.table, raw.columns, self.zone, text=text)
        return self._plans[key]


def compile_plan(table: Table, columns: Sequence[str], zone: ZoneInfo, *, text: bool) -> ColumnPlan:
    """Compile the plan for these columns.

    Its faults name columns without their own field.
    """
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
            steps.append((column, name, None))
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


def derived_id(table: Table, row: dict[str, Any]) -> str:
    """Return the identifying fields joined by `|`, equal in every read.

    >>> from datetime import date
    >>> from cs_sync_files.tables import BY_NAME
    >>> derived_id(BY_NAME["usage_days"], {"day": date(2026, 11, 20), "account_source_id": "a"})
    '2026-11-20|a|'
    """
    defaults = _get_defaults(table.record)
    values = [row.get(name, defaults.get(name)) for name in table.identity]
    return "|".join([_id_part(value) for value in values])


def _id_part(value: Any) -> str:
    text = value if isinstance(value, str) else "" if value is None else value.isoformat()
    return text.replace("|", "%7C")


_DEFAULTS: dict[type[Record], dict[str, Any]] = {}


def _get_defaults(record: type[Record]) -> dict[str, Any]:
    """Return the default of every field that has one.

    Shared, so only to be read.
    """
    if record not in _DEFAULTS:
        _DEFAULTS[record] = {
            name: facts.get_default(call_default_factory=True, validated_data={})
            for name, facts in record.model_fields.items()
            if not facts.is_required()
        }
    return _DEFAULTS[record]
