"""Mapping of rows to records; a fault names its column."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

from cs_sync_files.cells import is_money
from cs_sync_files.column_plans import (
    MISSING_COLUMN,
    ColumnPlan,
    RowFault,
    combine_faults,
    compile_identity,
    compile_plan,
)
from cs_sync_files.mapped_cells import settle_amount
from cs_sync_files.notation import MajorAmount
from cs_sync_files.raw_rows import RawRow
from cs_sync_files.tables import Table
from cs_sync_schemas import Record

LOST = "missing_reference"
Amend = Callable[[dict[str, Any]], None]
"""Fills in what other rows know, e.g. when a version ends."""
FindCurrency = Callable[[dict[str, Any]], str | None]
"""Finds the currency of a row that does not say it, from the row it belongs to."""


@dataclass
class RowParser:
    """Maps the rows of one table to records; plans are compiled once per set of columns."""

    table: Table
    zone: ZoneInfo
    amend: Amend | None = None
    find_currency: FindCurrency | None = None
    _plans: dict[tuple[bool, tuple[str, ...]], ColumnPlan] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._identity = compile_identity(self.table, self.zone)
        self._required = frozenset(self.table.required)
        self._has_money = self.table.is_mapped and any(map(is_money, self.table.columns))
        self._has_rule = "rule" in vars(self.table.record)

    def parse_alike(self, chunk: Sequence[RawRow]) -> list[dict[str, Any]] | None:
        """Parse the records of rows with the same columns.

        The result is as `parse` gives one by one. None: a row is faulty or differs, so that each
        needs a look of its own.
        """
        if not chunk:
            return None
        columns = chunk[0].columns
        _, _, headers, cells, faults = zip(*chunk, strict=True)
        if any(faults) or headers.count(columns) < len(chunk):
            return None
        if (plan := self._plan(chunk[0])).faults or plan.attributes:
            return None
        try:
            rows = plan.fill_alike(cells)
            are_full = set(map(len, rows)) == {len(plan.steps)}
            for row in rows if self._has_money else ():
                self._settle_amounts(row, columns)
            for row in rows if self.amend or self.table.identity else ():
                self._complete(row)
            stated = {name for _, name, _ in plan.steps} if are_full else frozenset[str]()
            lacking = self._required - stated
            if lacking and not all(lacking <= row.keys() for row in rows):
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
        plan = self._plan(raw)
        if raw.fault and not (self.table.is_mapped and plan.faults):
            raise RowFault(*raw.fault, source_id=self.read_source_id(raw))
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
        try:
            self._settle_amounts(row, raw.columns)
        except RowFault as fault:
            faults.append(fault)
        bad = {fault.column for fault in faults}
        fields = self.table.find_fields(raw.columns)
        present = {name for name, column in fields.items() if column in bad} | row.keys()
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
            raise combine_faults(plan.faults)
        try:
            row = plan.fill(raw.cells)
        except ValueError:
            raise plan.inspect(raw.cells)[1][0] from None
        self._settle_amounts(row, raw.columns)
        self._complete(row)
        for name in self.table.required:
            if name not in row:
                raise self._missing_fault(name, raw.columns)
        self._check_rule(row)
        return row

    def _settle_amounts(self, row: dict[str, Any], columns: Sequence[str]) -> None:
        """Turn amounts in major units into minor ones of the row's currency.

        Raises:
            RowFault: The currency of one is not certain, or does not fit.
        """
        if not self._has_money:
            return
        currency = row.get("currency") or (self.find_currency and self.find_currency(row))
        amounts = [(name, value) for name, value in row.items() if isinstance(value, MajorAmount)]
        for name, amount in amounts:
            try:
                row[name], currency = settle_amount(self.table, name, amount, currency)
            except ValueError as error:
                column = self.table.find_fields(columns).get(name)
                raise RowFault("bad_value", str(error), column) from None
        if currency and "currency" in self.table.fields:
            row.setdefault("currency", currency)

    def _complete(self, row: dict[str, Any]) -> None:
        """Set what a row lacks and others say, and its id."""
        if self.amend:
            self.amend(row)
        if "source_id" not in row and self.table.identity:
            row["source_id"] = derived_id(self.table, row)

    def _missing_fault(self, name: str, columns: Sequence[str]) -> RowFault:
        """Return the fault of a missing required field, under its column's name."""
        column = self.table.find_fields(columns).get(name)
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
        identity = () if raw.fault else self.table.identity
        pick = self.table.make_picker(raw.columns, ("source_id", *identity))
        return self.find_source_id(*pick(raw.cells))

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
            plan = compile_plan(self.table, raw.columns, self.zone, text=text)
            if raw.file.lower().endswith(".jsonl"):  # an object without a key has an empty cell
                faults = tuple(fault for fault in plan.faults if fault[0] != MISSING_COLUMN)
                plan = replace(plan, faults=faults)
            self._plans[key] = plan
        return self._plans[key]


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
