"""Which table a sample is, and which of its columns are which fields, by what they are called."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from cs_sync_files.samples import Sample
from cs_sync_files.tables import BY_NAME, Table
from cs_sync_schemas.money import CURRENCY_EXPONENT

_BRACKETS = re.compile(r"\s*[\(\[].*[\)\]]\s*$")
_UNITS = re.compile(rf"\b({'|'.join(CURRENCY_EXPONENT)})\b|[€£$]")
_HINT = 3
"""A file's name counts as much as so many of its columns."""
_FOUND_OTHERWISE = frozenset({"currency", "source_id", "kind"})
"""Required fields that a table may do without a column for."""


@dataclass(frozen=True, slots=True)
class Match:
    """A sample as a table, with its columns by field."""

    table: Table
    sample: Sample
    columns: Mapping[str, str]
    score: float


@cache
def read_synonyms() -> Mapping[str, Any]:
    """Return what people call tables, fields and values."""
    text = (files("cs_sync_files.presets") / "words.toml").read_text("utf-8")
    return tomllib.loads(text)


def fold_name(name: str) -> str:
    """Return a name without case, punctuation, units and brackets.

    >>> fold_name("Kunden-Nr. (intern)"), fold_name("Amount EUR")
    ('kundennr', 'amount')
    """
    plain = _UNITS.sub("", _BRACKETS.sub("", name))
    return re.sub(r"[\W_]+", "", (plain or name).casefold())


def match_sample(sample: Sample) -> Match | None:
    """Return the table that a sample fits best, if any."""
    matches = [
        match
        for name in read_synonyms()["fields"]
        if name in read_synonyms()["tables"] and (match := _match_table(sample, BY_NAME[name]))
    ]
    return max(matches, key=lambda match: match.score, default=None)


def _match_table(sample: Sample, table: Table) -> Match | None:
    columns = find_columns(sample, table.name)
    hint = _is_hinted(sample, table.name)
    needed = [name for name in table.missing(columns.keys()) if name not in _FOUND_OTHERWISE]
    if table.name == "accounts" and not columns.keys() & {"source_id", "name"}:
        needed.append("name")
    if needed or (not hint and len(columns) < _HINT):
        return None
    return Match(table, sample, columns, len(columns) + _HINT * hint - 0.1 * len(needed))


def _is_hinted(sample: Sample, table: str) -> bool:
    """Return whether a file's or sheet's name hints at the table."""
    words = {fold_name(word) for word in read_synonyms()["tables"][table]}
    titles = [sample.layout.sheet] if sample.layout.sheet else [sample.path.stem]
    parts = [fold_name(part) for title in titles for part in re.split(r"[\W_\d]+", title)]
    return any(part in words for part in [*parts, *map(fold_name, titles)])


def find_columns(sample: Sample, table: str) -> dict[str, str]:
    """Return the columns called like fields of a table, by field."""
    columns: dict[str, str] = {}
    for field in read_synonyms()["fields"].get(table, {}):
        column = next(list_candidates(sample, table, field, tuple(columns.values())), None)
        if column is not None:
            columns[field] = column
    return columns


def list_candidates(
    sample: Sample, table: str, field: str, taken: Sequence[str] = ()
) -> Iterator[str]:
    """Yield the columns that may be a field, the likeliest first."""
    folded = {fold_name(column): column for column in reversed(sample.columns) if column}
    for synonym in read_synonyms()["fields"][table].get(field, ()):
        column = folded.get(fold_name(synonym))
        if column is not None and column not in taken:
            yield column


def find_reference(match: Match, ids: frozenset[str]) -> tuple[str | None, float]:
    """Return the column that refers to accounts, and how often."""
    shares = {
        column: _share(match.sample.list_cells(column), ids)
        for column in list_candidates(match.sample, match.table.name, "account_source_id")
    }
    best = max(shares, key=lambda column: shares[column], default=None)
    return best, shares[best] if best is not None else 0.0


def _share(cells: Sequence[Any], ids: frozenset[str]) -> float:
    return sum(1 for cell in cells if str(cell).strip() in ids) / len(cells) if cells else 0.0


def translate_value(table: str, field: str, text: str) -> str | None:
    """Return our word for a value; None if it is not known."""
    words: Mapping[str, Sequence[str]] = read_synonyms()["values"].get(table, {}).get(field, {})
    folded = fold_name(text)
    return next((ours for ours, theirs in words.items() if folded in map(fold_name, theirs)), None)
