"""Conversion of mapped cells, written as people write them, to field values."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, get_origin
from zoneinfo import ZoneInfo

from cs_sync_files.cells import (
    Convert,
    convert_attribute,
    find_field_type,
    is_money,
    make_typed_converter,
    make_validator,
    refuse_error,
)
from cs_sync_files.layouts import ColumnMap, Notation
from cs_sync_files.notation import (
    DecimalMark,
    MajorAmount,
    parse_major_amount,
    parse_people_date,
    parse_people_number,
    parse_percent,
)
from cs_sync_files.tables import TARGETS, Table
from cs_sync_schemas.money import CURRENCY_EXPONENT

_SHORTENED = re.compile(r"[0-9](\.[0-9]+)?[eE]\+[0-9]{2,}")
"""A long id as a spreadsheet shows it: its last digits are lost."""
_LOST_DIGITS = re.compile(r"-?[0-9]{15,}0")
"""A number in a workbook with more than the fifteen digits that it keeps."""
_CENTS = re.compile(r"[.,][0-9]{1,2}$")
_DATE_LIKE = re.compile(r"[0-9]{1,4}([./-])[0-9]{1,2}\1[0-9]{2,4}\b.*")


def make_mapped_converter(table: Table, field: str, zone: ZoneInfo) -> Convert:
    """Make the converter of a cell to a mapped field.

    An amount in major units becomes a `MajorAmount`: its currency is the row's.
    """
    spec = table.columns[field]
    notation = Notation.merge(table.layout, spec)
    convert = _make_converter(table, field, notation, notation.zone or zone)

    def convert_clean(cell: Any) -> Any:
        try:
            clean = table.clean_cell(spec, cell)
            return None if clean is None else convert(refuse_error(clean))
        except ValueError as error:
            raise ValueError(f"{error}; {spec.note}" if spec.note else str(error)) from None

    return convert_clean


def make_attribute_converter(table: Table, spec: ColumnMap | None) -> Convert:
    """Make the converter of a cell to an attribute.

    It is text, unless its map says how it writes decimals (a number) or dates (a day).
    """
    decimal = spec.decimal if spec else None
    form = spec.format if spec else None

    def convert(cell: Any) -> Any:
        clean = convert_attribute(table.clean_cell(spec, cell))
        if isinstance(clean, str) and form:
            return convert_attribute(parse_people_date(clean, form))
        return float(parse_people_number(clean, decimal)) if clean and decimal else clean

    return convert


def _make_converter(table: Table, field: str, notation: Notation, zone: ZoneInfo) -> Convert:
    kind, _ = find_field_type(table.record, field)
    typed = make_typed_converter(table.record, field, zone)
    if kind in (datetime, date):
        return _make_date_converter(typed, notation)
    if kind in (int, float, Decimal):
        return _make_number_converter(table, field, notation)
    if get_origin(kind) is Literal:
        return lambda cell: typed(re.sub(r"[\s-]+", "_", str(cell)))
    if field == "source_id" or field in TARGETS:
        return lambda cell: typed(_check_id(cell))
    return lambda cell: typed(str(cell) if kind is str else cell)


def _make_date_converter(typed: Convert, notation: Notation) -> Convert:
    form = notation.format

    def convert(cell: Any) -> Any:
        if isinstance(cell, str) and form:
            return typed(parse_people_date(cell, form))
        try:
            return typed(cell)
        except ValueError as error:
            if isinstance(cell, str) and _DATE_LIKE.fullmatch(cell):
                remedy = 'say how its column writes dates: format = "DD.MM.YYYY" or "MM/DD/YYYY" …'
                raise ValueError(f"{error}; {remedy}") from None
            raise

    return convert


def _make_number_converter(table: Table, field: str, notation: Notation) -> Convert:
    kind, _ = find_field_type(table.record, field)
    validate = make_validator(table.record, field)
    unit, decimal = notation.unit or "", notation.decimal
    if is_money(field) and unit != "minor":
        return lambda cell: parse_major_amount(cell, decimal, unit)

    def parse(cell: Any) -> Decimal:
        if is_money(field):
            return _parse_minor(cell, decimal)
        if "percent" in field:
            return parse_percent(cell, decimal, notation.unit)
        return parse_people_number(cell, decimal, whole=kind is int)

    return lambda cell: validate(_fit_number(parse(cell), kind, cell), cell)


def _parse_minor(cell: Any, decimal: DecimalMark | None) -> Decimal:
    """Parse an amount in minor units; decimals show another unit."""
    value = parse_people_number(cell, decimal)
    if value != value.to_integral_value() or _CENTS.search(str(cell)):
        raise ValueError(
            f"{str(cell)!r} is not a whole number of minor units; if it is 49.00 for 4900 cents, "
            'set unit = "major"'
        )
    return value


def _fit_number(value: Decimal, kind: Any, cell: Any) -> Any:
    if kind is Decimal:
        return value
    if kind is float:
        return float(value)
    if value != value.to_integral_value():
        raise ValueError(f"{str(cell)!r} is not a whole number")
    return int(value)


def settle_amount(
    table: Table, field: str, amount: MajorAmount, currency: str | None
) -> tuple[Any, str]:
    """Return a major amount in minor units, and the currency.

    Args:
        table: The table.
        field: The field.
        amount: What the cell says.
        currency: What the row says; None if nothing.

    Raises:
        ValueError: The currency is not known, is another one, or has fewer decimals.
    """
    named = amount.currencies
    if currency is None:
        if named is None or len(named) > 1:
            raise ValueError(
                f"{amount.shown!r} has no certain currency; map currency, or set unit to its code, "
                'such as unit = "EUR"'
            )
        (currency,) = named
    elif named is not None and currency not in named:
        raise ValueError(f"{amount.shown!r} is not in {currency}, the currency of its row")
    minor = amount.scale(currency)
    kind, _ = find_field_type(table.record, field)
    if kind is int and minor != minor.to_integral_value():
        raise ValueError(f"{amount.shown!r} has more decimals than {currency}")
    value = int(minor) if kind is int else minor
    return make_validator(table.record, field)(value, amount.shown), currency


def find_stated_currency(table: Table) -> str | None:
    """Return the one currency that a table's units name, if any."""
    units = {
        Notation.merge(table.layout, spec).unit
        for name, spec in table.columns.items()
        if is_money(name)
    }
    codes = [unit for unit in units if unit in CURRENCY_EXPONENT]
    return codes[0] if len(codes) == 1 else None


def _check_id(cell: Any) -> Any:
    text = str(cell)
    pattern = _SHORTENED if isinstance(cell, str) else _LOST_DIGITS
    if pattern.fullmatch(text):
        raise ValueError(
            f"{text!r} was shortened by a spreadsheet, its last digits are lost; export the column "
            "as text"
        )
    return text
