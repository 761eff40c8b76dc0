"""How the cells of a column are written: what they show for certain, else a question."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import product
from typing import Any

from cs_sync_files.layouts import OPEN
from cs_sync_files.notation import parse_major_amount, parse_people_date, parse_people_number
from cs_sync_schemas.money import CURRENCY_EXPONENT

_DAYS = (
    "DD.MM.YYYY", "DD.MM.YY", "DD/MM/YYYY", "MM/DD/YYYY", "DD/MM/YY", "MM/DD/YY", "YYYY/MM/DD",
    "DD-MM-YYYY", "MM-DD-YYYY", "DD MMM YYYY", "MMM DD, YYYY", "DD-MMM-YYYY", "DD MMMM YYYY",
    "MMMM DD, YYYY",
)  # fmt: skip
_TIMES = ("", " HH:mm", " HH:mm:ss", " h:mm A", " h:mm:ss A")
_FORMATS = tuple(day + time for day, time in product(_DAYS, _TIMES))
_MOST = 0.8
"""This share of a column's cells decides; `check` names the others."""
_CODE = re.compile(r"\b([A-Z]{3})\b")
_SYMBOLS = {"€": "EUR", "£": "GBP"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the cells of a column show; of an open question, what it could be."""

    value: str | None
    choices: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether the cells are ambiguous."""
        return self.value == OPEN


def find_date_format(cells: Sequence[Any]) -> Answer | None:
    """Find how dates are written; None if these are not dates.

    The value None stands for ISO 8601, and for cells that are dates.
    """
    texts = [cell.strip() for cell in cells if isinstance(cell, str)]
    if not texts:
        return Answer(None) if cells and all(isinstance(cell, date) for cell in cells) else None
    distinct = list(dict.fromkeys(texts))[:2000]
    if sum(map(_is_iso, distinct)) >= _MOST * len(distinct):
        return Answer(None)
    fits = Counter({form: sum(_fits(text, form) for text in distinct) for form in _FORMATS})
    most = max(fits.values())
    if most < _MOST * len(distinct):
        return None
    best = tuple(form for form in _FORMATS if fits[form] == most)
    best = tuple(
        form for form in best if form.replace("MMMM", "MMM") not in best or "MMMM" not in form
    )
    return Answer(best[0]) if len(best) == 1 else Answer(OPEN, best)


def _is_iso(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return len(text) >= 10


def _fits(text: str, form: str) -> bool:
    try:
        parse_people_date(text, form)
    except ValueError:
        return False
    return True


def find_decimal_mark(cells: Sequence[Any]) -> Answer:
    """Find what separates decimals; None where no cell needs it."""
    texts = list(dict.fromkeys(cell.strip(" %") for cell in cells if isinstance(cell, str)))
    marks = [_strip_marks(text) for text in texts]
    fits = {mark: sum(_reads(text, mark) for text in marks) for mark in (".", ",")}
    unclear = [text for text in marks if not _is_certain(text)]
    if fits["."] == fits[","]:
        return Answer(OPEN, (".", ",")) if unclear else Answer(None)
    better = "." if fits["."] > fits[","] else ","
    return Answer(better)


def is_numeric(cells: Sequence[Any]) -> bool:
    """Return whether most cells are numbers or amounts."""
    numbers = sum(1 for cell in cells if not isinstance(cell, str) or _is_amount(cell))
    return bool(cells) and numbers >= _MOST * len(cells)


def find_unit(column: str, cells: Sequence[Any], decimal: str | None) -> Answer:
    """Find the unit of amounts, or an open question.

    The choices of `major` are the currencies that a symbol may stand for.
    """
    named: list[frozenset[str]] = []
    has_cents = False
    for cell in cells:
        try:
            amount = parse_major_amount(cell, decimal, "major")  # type: ignore[arg-type]
        except ValueError:
            continue
        named += [amount.currencies] if amount.currencies else []
        has_cents |= amount.value != amount.value.to_integral_value() or bool(
            re.search(r"[.,][0-9]{2}(?![0-9])", str(cell))
        )
    codes = [code for code in _CODE.findall(column) if code in CURRENCY_EXPONENT]
    codes += [code for symbol, code in _SYMBOLS.items() if symbol in column]
    common = frozenset.intersection(*named) if named else frozenset[str]()
    if len(common) == 1:
        return Answer(next(iter(common)))
    if common:
        return Answer("major", tuple(sorted(common, key=lambda code: (code != "USD", code))))
    if named or has_cents:
        return Answer(codes[0] if codes else "major")
    if re.search(r"\b(cents?|minor)\b", column, re.IGNORECASE):
        return Answer("minor")
    return Answer(OPEN, ("minor", codes[0] if codes else "major"))


def _strip_marks(text: str) -> str:
    return re.sub(r"[^0-9.,'’()\s+−eE-]", "", text).strip()


def _reads(text: str, mark: Any) -> bool:
    try:
        parse_people_number(text, mark)
    except ValueError:
        return False
    return True


def _is_certain(text: str) -> bool:
    try:
        parse_people_number(text, None)
    except ValueError as error:
        return "could be" not in str(error)
    return True


def _is_amount(text: str) -> bool:
    return any(_reads_amount(text.strip().rstrip("%"), mark) for mark in (".", ","))


def _reads_amount(text: str, mark: Any) -> bool:
    try:
        parse_major_amount(text, mark, "major")
    except ValueError:
        return False
    return True
