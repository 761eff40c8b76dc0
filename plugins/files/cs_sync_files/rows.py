"""From a row as read to the fields of a record, with the column at fault when it cannot be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

from cs_sync_files.cells import Convert, converter
from cs_sync_files.readers import RawRow
from cs_sync_files.tables import ATTRIBUTE, Table
from cs_sync_schemas import Record

Amend = Callable[[dict[str, Any]], None]
"""Fills in what other rows know, e.g. when a version ends."""


class RowFault(Exception):
    """Why a row is no record; `source_id` where it could still be read."""

    def __init__(
        self, code: str, why: str, column: str | None = None, source_id: str | None = None
    ) -> None:
        super().__init__(why)
        self.code, self.why, self.column, self.source_id = code, why, column, source_id


@dataclass(frozen=True, slots=True)
class Plan:
    """How the cells under one set of columns become fields; `fault` when they cannot."""

    steps: tuple[tuple[str, str, Convert | None], ...]
    """(column, field, converter) of each cell; an attribute's field is its column."""

    attributes: tuple[str, ...] = ()
    fault: tuple[str, str, str] | None = None

    def fill(self, cells: Sequence[Any]) -> dict[str, Any]:
        """The fields of the cells that are not empty; raises ValueError on a bad one."""
        row: dict[str, Any] = {}
        for (_, name, convert), cell in zip(self.steps, cells, strict=True):
            if cell is not None and cell != "":
                row[name] = cell if convert is None else convert(cell)
        if self.attributes:
            found = {column: row.pop(column) for column in self.attributes if column in row}
            given = {column.removeprefix(ATTRIBUTE): value for column, value in found.items()}
            row["attributes"] = {**row.get("attributes", {}), **given}
        return row

    def explain(self, cells: Sequence[Any]) -> NoReturn:
        """Raise the fault of the first bad cell of a row that `fill` refused."""
        for (column, _, convert), cell in zip(self.steps, cells, strict=True):
            try:
                if convert is not None and cell is not None and cell != "":
                    convert(cell)
            except ValueError as error:
                raise RowFault("bad_value", str(error), column) from None
        raise RowFault("bad_value", "cannot be read")


@dataclass
class RowParser:
    """Turns the rows of one table into records; plans are compiled once per set of columns."""

    table: Table
    zone: ZoneInfo
    amend: Amend | None = None
    _plans: dict[tuple[bool, tuple[str, ...]], Plan] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._identity = compile_plan(self.table, self.table.identity, self.zone, text=False)

    def parse(self, raw: RawRow) -> dict[str, Any]:
        """The fields of the record, its `source_id` included; raises RowFault."""
        if raw.fault:
            raise RowFault(*raw.fault, source_id=self._source_id(raw))
        plan = self._plan(raw)
        try:
            return self._finish(plan, raw)
        except RowFault as fault:
            fault.source_id = fault.source_id or self._source_id(raw)
            raise

    def _finish(self, plan: Plan, raw: RawRow) -> dict[str, Any]:
        if plan.fault:
            raise RowFault(*plan.fault)
        try:
            row = plan.fill(raw.cells)
        except ValueError:
            plan.explain(raw.cells)
        if self.amend:
            self.amend(row)
        if "source_id" not in row and self.table.identity:
            row["source_id"] = derived_id(self.table, row)
        for name in self.table.required:
            if name not in row:
                why = "is empty" if name in raw.columns else "is missing"
                raise RowFault("missing_value", f"{why}, and every row needs it", name)
        self._check_rule(row)
        return row

    def _check_rule(self, row: dict[str, Any]) -> None:
        record = self.table.record
        if "rule" not in vars(record):
            return
        reason = record.rule({**_defaults(record), **row})
        if reason:
            raise RowFault("impossible", reason, source_id=row["source_id"])

    def _source_id(self, raw: RawRow) -> str | None:
        """The id of a row that is no record, so that what is stored of it is known to exist."""
        fields = map(self.table.column_field, raw.columns)
        cells = dict(zip(fields, raw.cells, strict=False))
        given = cells.get("source_id")
        if given is not None and given != "":
            return str(given)
        if raw.fault or not self.table.identity:
            return None
        try:
            named = [cells.get(name) for name in self.table.identity]
            return derived_id(self.table, self._identity.fill(named))
        except ValueError:
            return None

    def _plan(self, raw: RawRow) -> Plan:
        text = raw.file.lower().endswith(".csv")
        key = (text, raw.columns)
        if key not in self._plans:
            self._plans[key] = compile_plan(self.table, raw.columns, self.zone, text=text)
        return self._plans[key]


def compile_plan(table: Table, columns: Sequence[str], zone: ZoneInfo, *, text: bool) -> Plan:
    """The plan for these columns, or one whose fault names the first column that has no field."""
    steps: list[tuple[str, str, Convert | None]] = []
    attributes: list[str] = []
    taken: dict[str, str] = {}
    for column in columns:
        name = column if is_attribute(table, column) else table.column_field(column)
        if name is None:
            return Plan((), fault=("unknown_column", unknown(table, column), column))
        if name in taken:
            why = f"says the same as column {taken[name]}; keep one of them"
            return Plan((), fault=("duplicate_column", why, column))
        taken[name] = column
        if is_attribute(table, column):
            attributes.append(column)
            steps.append((column, name, None))
        else:
            steps.append((column, name, converter(table.record, name, zone, text=text)))
    return Plan(tuple(steps), tuple(attributes))


def is_attribute(table: Table, column: str) -> bool:
    """Whether a column holds an attribute of accounts, e.g. `attr.plan`."""
    return table.name == "accounts" and column.startswith(ATTRIBUTE) and column != ATTRIBUTE


def unknown(table: Table, column: str) -> str:
    """What to do about a column that no field belongs to."""
    near = get_close_matches(column.lower(), table.fields, 1)
    if near:
        return f"unknown column; did you mean {near[0]}?"
    if table.name == "accounts":
        return f"unknown column; name it {ATTRIBUTE}{column} to keep it as an attribute"
    return f"unknown column; {table.name} have {', '.join(table.fields)}"


def derived_id(table: Table, row: dict[str, Any]) -> str:
    """The identifying fields, joined by `|`; the same row has the same id in every read.

    >>> from datetime import date
    >>> from cs_sync_files.tables import BY_NAME
    >>> derived_id(BY_NAME["usage_days"], {"day": date(2026, 11, 20), "account_source_id": "a"})
    '2026-11-20|a|'
    """
    defaults = _defaults(table.record)
    values = [row.get(name, defaults.get(name)) for name in table.identity]
    return "|".join([_id_part(value) for value in values])


def _id_part(value: Any) -> str:
    text = value if isinstance(value, str) else "" if value is None else value.isoformat()
    return text.replace("|", "%7C")


_DEFAULTS: dict[type[Record], dict[str, Any]] = {}


def _defaults(record: type[Record]) -> dict[str, Any]:
    """The default of every field that has one; shared, so only to be read."""
    if record not in _DEFAULTS:
        _DEFAULTS[record] = {
            name: facts.get_default(call_default_factory=True, validated_data={})
            for name, facts in record.model_fields.items()
            if not facts.is_required()
        }
    return _DEFAULTS[record]
