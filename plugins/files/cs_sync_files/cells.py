"""Conversion of cells (text or JSON) to field values; ValueError says why one fails.

Converters are compiled once per column; the schema's own constraints are checked here
already, so that a rejection can name the column.
"""

import json
import math
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from cs_sync_files.raw_rows import CellError
from cs_sync_files.times import parse_day, parse_instant, parse_month
from cs_sync_schemas import Record

Convert = Callable[[Any], Any]
_WHOLE = re.compile(r"[+-]?\d+")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(\.\d{3})+")
_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_MEMO_SIZE = 10_000


class ConversionCache(dict[str, Any]):
    """Caches a column's conversions; days, ids and states repeat thousands of times."""

    def __init__(self, convert: Convert) -> None:
        super().__init__({"": None})
        self._convert = convert

    def __missing__(self, text: str) -> Any:
        value = self._convert(text)
        if len(self) < _MEMO_SIZE:
            self[text] = value
        return value


def make_converter(
    record: type[Record], field: str, zone: ZoneInfo, *, text: bool
) -> Convert | None:
    """Make the converter of a cell to `record.field`.

    None if any text is valid. `text` means that cells are always text (CSV), so that results can be
    cached.
    """
    kind, rules = find_field_type(record, field)
    if text and kind is str and (field == "source_id" or not rules):
        return None  # no converter ever sees an empty cell, which is all an id must not be
    convert = make_typed_converter(record, field, zone)
    mutable = get_origin(kind) in (list, dict)
    return ConversionCache(convert).__getitem__ if text and not mutable else convert


def convert_column(convert: Convert | None, cells: Sequence[Any]) -> Sequence[Any]:
    """Convert the cells of a column; empty ones become None.

    Raises:
        ValueError: A cell is invalid.
    """
    if convert is None:
        return [cell or None for cell in cells]  # text
    if isinstance(getattr(convert, "__self__", None), ConversionCache):
        return list(map(convert, cells))
    return [None if cell is None or cell == "" else convert(cell) for cell in cells]


@cache
def find_field_type(record: type[Record], field: str) -> tuple[Any, list[Any]]:
    """Return a field's type without None, and its constraints."""
    facts = record.model_fields[field]
    kind: Any = facts.annotation
    if get_origin(kind) in (Union, UnionType):
        (kind,) = (part for part in get_args(kind) if part is not type(None))
    rules = [rule for rule in facts.metadata if not type(rule).__module__.startswith("sqlmodel")]
    return kind, rules


def make_typed_converter(record: type[Record], field: str, zone: ZoneInfo) -> Convert:
    """Make the converter of a cell in the schema's own notation."""
    kind, _ = find_field_type(record, field)
    simple: dict[Any, Convert] = {
        datetime: lambda cell: parse_instant(cell, zone),
        date: parse_month if field == "month" else (lambda cell: parse_day(cell, zone)),
        bool: parse_boolean,
    }
    if kind in simple:
        return simple[kind]
    prepare, validate = _find_preparation(field, kind), make_validator(record, field)
    return lambda cell: validate(prepare(cell), cell)


@cache
def make_validator(record: type[Record], field: str) -> Callable[[Any, Any], Any]:
    """Make the schema's own check of a value; failures name the cell."""
    _, rules = find_field_type(record, field)
    annotation: Any = record.model_fields[field].annotation
    checked: Any = Annotated[(annotation, *rules)] if rules else annotation
    validate = TypeAdapter(checked).validate_python

    def check(value: Any, cell: Any) -> Any:
        try:
            return validate(value)
        except ValidationError as error:
            raise ValueError(_format_error(error, cell)) from None

    return check


def _find_preparation(field: str, kind: Any) -> Convert:
    """Find the step from a cell to the schema's own check.

    To its input.
    """
    money = is_money(field)
    if kind is int:
        return parse_amount if money else parse_whole
    if kind is Decimal and (money or field == "quantity"):
        return parse_unit_amount if money else parse_quantity
    if field == "tiers":
        return parse_tiers
    by_kind: dict[Any, Convert] = {
        Decimal: parse_decimal,
        float: parse_number,
        Literal: parse_choice,
    }
    by_kind |= {list: parse_list, dict: parse_mapping}
    return by_kind.get(get_origin(kind) or kind, parse_text)


def convert_attribute(cell: Any) -> Any:
    """Return an attribute's cell for JSON; a bare day as a day."""
    refuse_error(cell)
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    return cell.isoformat() if isinstance(cell, date) else cell


def refuse_error(cell: Any) -> Any:
    """Return a cell.

    Raises:
        ValueError: It holds an error of the spreadsheet.
    """
    if isinstance(cell, CellError):
        raise ValueError(repr(cell))
    return cell


def is_money(field: str) -> bool:
    """Return whether a field is an amount of money."""
    return field == "total" or "amount" in field


def _format_error(error: ValidationError, cell: Any) -> str:
    message = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
    message = message.replace("Input should be", "must be")
    return message if repr(cell) in message else f"{quote(cell)}: {message}"


def quote(cell: Any) -> str:
    """Return a cell as its file shows it."""
    return str(cell) if isinstance(cell, Decimal) else repr(cell)


def parse_boolean(cell: Any) -> bool:
    """Parse true, 1, yes, false, 0 and no, in any case."""
    value = _BOOLEANS.get(str(cell).strip().lower())
    if value is None:
        raise ValueError(f"{cell!r} is not one of true, false, 1, 0, yes, no")
    return value


def parse_amount(cell: Any) -> int:
    """Parse an amount in minor units, which must be a whole number."""
    if isinstance(cell, int) and not isinstance(cell, bool):
        return cell
    if isinstance(cell, str) and _WHOLE.fullmatch(cell.strip()):
        return int(cell)
    raise ValueError(f"{quote(cell)} is not a whole number of minor units (4900 for 49.00 EUR)")


def parse_unit_amount(cell: Any) -> Decimal:
    """Parse a unit's amount in minor units, whole or like `35e-2`.

    A point could be that of 49.00 EUR, or of 4.900 as others write 4900. A spreadsheet's
    `4.9E+03` is unambiguous, as it is a whole number.
    """
    value = parse_decimal(cell)
    mantissa, exponent, _ = str(cell).strip().lower().partition("e")
    whole = bool(exponent) and value == value.to_integral_value()
    if "." in mantissa and not whole:
        raise ValueError(
            f"{quote(cell)} is not a whole number of minor units (4900 for 49.00 EUR); "
            'write a fraction of one without a point, as "35e-2" for 0.35'
        )
    return value


def parse_tiers(cell: Any) -> Any:
    """Parse an object with `tiers`; its amounts are in minor units, too."""
    value = parse_mapping(cell)
    steps = value.get("tiers") if isinstance(value, dict) else None
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise ValueError(f'{str(cell)[:80]!r} is not like {{"mode": "volume", "tiers": [{{…}}]}}')
    for number, step in enumerate(steps, 1):
        for name in ("unit_amount", "flat_amount"):
            try:
                parse_unit_amount(step.get(name) or 0)
            except ValueError as error:
                raise ValueError(f"tier {number}, {name}: {error}") from None
    return value


def parse_quantity(cell: Any) -> Decimal:
    """Parse an exact decimal, but not `1.000`, which means a thousand elsewhere."""
    return parse_decimal(_refuse_ambiguous(cell))


def parse_whole(cell: Any) -> int:
    """Parse a whole number, including `310.0` of spreadsheets and data frames."""
    if isinstance(cell, int) and not isinstance(cell, bool):
        return cell
    if isinstance(cell, str) and _WHOLE.fullmatch(cell.strip()):
        return int(cell)
    value = parse_number(_refuse_ambiguous(cell))
    if not value.is_integer():
        raise ValueError(f"{quote(cell)} is not a whole number")
    return int(value)


def _refuse_ambiguous(cell: Any) -> Any:
    if isinstance(cell, str) and _THOUSANDS.fullmatch(cell.strip()):
        raise ValueError(f"{cell!r} could mean thousands or decimals; write 1000, 1 or 1.5")
    return cell


def parse_decimal(cell: Any) -> Decimal:
    """Parse an exact decimal; JSON numbers count in their shortest notation."""
    try:
        value = Decimal(repr(cell) if isinstance(cell, float) else str(cell).strip())
    except ArithmeticError:
        raise ValueError(f"{quote(cell)} is not a decimal number such as 4900 or 0.35") from None
    if isinstance(cell, bool) or not value.is_finite():
        raise ValueError(f"{quote(cell)} is not a decimal number such as 4900 or 0.35")
    return value


def parse_number(cell: Any) -> float:
    """Parse a finite number."""
    try:
        value = float(cell)
    except (TypeError, ValueError):
        raise ValueError(f"{quote(cell)} is not a number") from None
    if isinstance(cell, bool) or not math.isfinite(value):
        raise ValueError(f"{quote(cell)} is not a number")
    return value


def parse_choice(cell: Any) -> Any:
    """Parse a word of a fixed list, in any case."""
    word = str(cell).strip().lower()
    return {"yes": "true", "no": "false"}.get(word, word)


def parse_text(cell: Any) -> Any:
    """Parse text; a whole JSON number is an id without its quotes."""
    return str(cell) if isinstance(cell, int) and not isinstance(cell, bool) else cell


def parse_list(cell: Any) -> Any:
    """Parse a list: JSON, or texts separated by semicolons."""
    if not isinstance(cell, str):
        return cell
    if cell.lstrip().startswith("["):
        return _parse_json(cell)
    return [part.strip() for part in cell.split(";") if part.strip()]


def parse_mapping(cell: Any) -> Any:
    """Parse a JSON object."""
    return _parse_json(cell) if isinstance(cell, str) else cell


def _parse_json(cell: str) -> Any:
    try:
        return json.loads(cell)
    except ValueError as error:
        raise ValueError(f"{cell[:80]!r} is not JSON: {error}") from None
