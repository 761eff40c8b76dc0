"""From the text (or JSON value) of one cell to the value of one field, or a ValueError saying why.

Converters are compiled once per column; the schema's own constraints are checked here already, so
that a rejection can name the column.
"""

import json
import math
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from cs_sync_files.times import day, instant, month
from cs_sync_schemas import Record

Convert = Callable[[Any], Any]
_WHOLE = re.compile(r"[+-]?\d+")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(\.\d{3})+")
_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_MEMO_SIZE = 10_000


class Memo(dict[str, Any]):
    """Remembers what texts of a column mean; days, ids and states repeat thousands of times."""

    def __init__(self, convert: Convert) -> None:
        super().__init__()
        self._convert = convert

    def __missing__(self, text: str) -> Any:
        value = self._convert(text)
        if len(self) < _MEMO_SIZE:
            self[text] = value
        return value


def converter(record: type[Record], field: str, zone: ZoneInfo, *, text: bool) -> Convert | None:
    """How a cell becomes `record.field`; None when any text is taken as it is.

    `text` says that cells are always text (CSV), which lets results be remembered.
    """
    kind, rules = _facts(record, field)
    if text and kind is str and (field == "source_id" or not rules):
        return None  # no converter ever sees an empty cell, which is all an id must not be
    convert = _typed(record, field, zone)
    mutable = get_origin(kind) in (list, dict)
    return Memo(convert).__getitem__ if text and not mutable else convert


def _facts(record: type[Record], field: str) -> tuple[Any, list[Any]]:
    """The type of a field without its None, and the rules that its values must keep."""
    facts = record.model_fields[field]
    kind: Any = facts.annotation
    if get_origin(kind) in (Union, UnionType):
        (kind,) = (part for part in get_args(kind) if part is not type(None))
    rules = [rule for rule in facts.metadata if not type(rule).__module__.startswith("sqlmodel")]
    return kind, rules


def _typed(record: type[Record], field: str, zone: ZoneInfo) -> Convert:
    kind, rules = _facts(record, field)
    simple: dict[Any, Convert] = {
        datetime: lambda cell: instant(cell, zone),
        date: month if field == "month" else (lambda cell: day(cell, zone)),
        bool: boolean,
    }
    if kind in simple:
        return simple[kind]
    prepare = _preparation(field, kind)
    annotation: Any = record.model_fields[field].annotation
    checked: Any = Annotated[(annotation, *rules)] if rules else annotation
    validate = TypeAdapter(checked).validate_python

    def convert(cell: Any) -> Any:
        try:
            return validate(prepare(cell))
        except ValidationError as error:
            raise ValueError(_in_words(error, cell)) from None

    return convert


def _preparation(field: str, kind: Any) -> Convert:
    """The step before the schema's own check: from a cell to what that check understands."""
    money = field == "total" or "amount" in field
    if kind is int:
        return amount if money else whole
    if kind is Decimal and (money or field == "quantity"):
        return unit_amount if money else quantity
    if field == "tiers":
        return tiers
    by_kind: dict[Any, Convert] = {Decimal: decimal, float: number, Literal: choice}
    by_kind |= {list: listed, dict: mapping}
    return by_kind.get(get_origin(kind) or kind, plain)


def _in_words(error: ValidationError, cell: Any) -> str:
    message = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
    message = message.replace("Input should be", "must be")
    return message if repr(cell) in message else f"{cell!r}: {message}"


def boolean(cell: Any) -> bool:
    """True for true, 1 and yes; False for false, 0 and no, in any case."""
    known = _BOOLEANS.get(str(cell).strip().lower())
    if known is None:
        raise ValueError(f"{cell!r} is not one of true, false, 1, 0, yes, no")
    return known


def amount(cell: Any) -> int:
    """Minor units of money: a whole number, because 49.00 could mean 49 or 4900 of them."""
    if isinstance(cell, int) and not isinstance(cell, bool):
        return cell
    if isinstance(cell, str) and _WHOLE.fullmatch(cell.strip()):
        return int(cell)
    raise ValueError(f"{cell!r} is not a whole number of minor units (4900 for 49.00 EUR)")


def unit_amount(cell: Any) -> Decimal:
    """Minor units of one unit: a whole number too, or a fraction written as `35e-2`.

    A point could be that of 49.00 EUR, or of 4.900 as others write 4900. What spreadsheets write
    as `4.9E+03` is clear, as it comes to a whole number.
    """
    value = decimal(cell)
    mantissa, exponent, _ = str(cell).strip().lower().partition("e")
    whole = bool(exponent) and value == value.to_integral_value()
    if "." in mantissa and not whole:
        raise ValueError(
            f"{cell!r} is not a whole number of minor units (4900 for 49.00 EUR); write a fraction "
            'of one without a point, as "35e-2" for 0.35'
        )
    return value


def tiers(cell: Any) -> Any:
    """An object with `tiers`, whose amounts are in minor units like every other."""
    value = mapping(cell)
    steps = value.get("tiers") if isinstance(value, dict) else None
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise ValueError(f'{str(cell)[:80]!r} is not like {{"mode": "volume", "tiers": [{{…}}]}}')
    for number, step in enumerate(steps, 1):
        for name in ("unit_amount", "flat_amount"):
            try:
                unit_amount(step.get(name) or 0)
            except ValueError as error:
                raise ValueError(f"tier {number}, {name}: {error}") from None
    return value


def quantity(cell: Any) -> Decimal:
    """An exact decimal, but not `1.000`, which is a thousand elsewhere."""
    return decimal(_one_reading(cell))


def whole(cell: Any) -> int:
    """A whole number; `310.0`, as spreadsheets and data frames write it, is one."""
    if isinstance(cell, int) and not isinstance(cell, bool):
        return cell
    if isinstance(cell, str) and _WHOLE.fullmatch(cell.strip()):
        return int(cell)
    value = number(_one_reading(cell))
    if not value.is_integer():
        raise ValueError(f"{cell!r} is not a whole number")
    return int(value)


def _one_reading(cell: Any) -> Any:
    if isinstance(cell, str) and _THOUSANDS.fullmatch(cell.strip()):
        raise ValueError(f"{cell!r} could mean thousands or decimals; write 1000, 1 or 1.5")
    return cell


def decimal(cell: Any) -> Decimal:
    """An exact decimal; JSON numbers are taken at their shortest notation."""
    try:
        value = Decimal(repr(cell) if isinstance(cell, float) else str(cell).strip())
    except ArithmeticError:
        raise ValueError(f"{cell!r} is not a decimal number such as 4900 or 0.35") from None
    if isinstance(cell, bool) or not value.is_finite():
        raise ValueError(f"{cell!r} is not a decimal number such as 4900 or 0.35")
    return value


def number(cell: Any) -> float:
    """A finite number."""
    try:
        value = float(cell)
    except (TypeError, ValueError):
        raise ValueError(f"{cell!r} is not a number") from None
    if isinstance(cell, bool) or not math.isfinite(value):
        raise ValueError(f"{cell!r} is not a number")
    return value


def choice(cell: Any) -> Any:
    """A word of a fixed list, in any case; yes and no count as true and false."""
    word = str(cell).strip().lower()
    return {"yes": "true", "no": "false"}.get(word, word)


def plain(cell: Any) -> Any:
    """Text; a whole number of JSON is an id that lost its quotes."""
    return str(cell) if isinstance(cell, int) and not isinstance(cell, bool) else cell


def listed(cell: Any) -> Any:
    """A list: JSON, or texts separated by semicolons."""
    if not isinstance(cell, str):
        return cell
    if cell.lstrip().startswith("["):
        return _json(cell)
    return [part.strip() for part in cell.split(";") if part.strip()]


def mapping(cell: Any) -> Any:
    """An object, as JSON."""
    return _json(cell) if isinstance(cell, str) else cell


def _json(cell: str) -> Any:
    try:
        return json.loads(cell)
    except ValueError as error:
        raise ValueError(f"{cell[:80]!r} is not JSON: {error}") from None
