"""SOQL as far as integrations need it: parsed into a query, and run on records."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Row = Mapping[str, Any]
Condition = Callable[[Row], bool]
Subquery = Callable[["Query"], Iterable[Row]]

_TOKEN = re.compile(
    r"\s*('(?:[^'\\]|\\.)*'|\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:?\d\d))?|-?\d+(?:\.\d+)?"
    r"|[A-Za-z_]\w*|<=|>=|!=|[=<>(),])"
)
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}
_CONSTANTS = {"TRUE": True, "FALSE": False, "NULL": None}
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


class MalformedQueryError(ValueError):
    """A query that Salesforce would not understand."""


@dataclass(frozen=True, slots=True)
class Query:
    """One query: its columns, those of children, and which records in which order."""

    sobject: str
    columns: tuple[str, ...]
    children: tuple[Query, ...]
    used: frozenset[str]
    """Every field that it names."""
    holds: Condition
    order: tuple[tuple[str, bool], ...]
    """Fields to sort by, with whether the sort is descending."""
    limit: int | None

    def select(self, rows: Iterable[Row]) -> list[Row]:
        """Return the records in order."""
        chosen = [row for row in rows if self.holds(row)]
        for name, descending in reversed(self.order):
            chosen.sort(key=lambda row: _make_sort_key(row.get(name)), reverse=descending)
        return chosen[: self.limit]


def parse_query(text: str, run: Subquery) -> Query:
    """Parse a query.

    Args:
        text: The query.
        run: Runs a query inside IN.

    Raises:
        MalformedQueryError: It is not a query.
    """
    parser = _Parser(_split_tokens(text), run)
    query = parser.read_query()
    if parser.tokens:
        raise MalformedQueryError(f"unexpected token: '{parser.tokens[0]}'")
    return query


def _split_tokens(text: str) -> list[str]:
    tokens, place = [], 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None:
            raise MalformedQueryError(f"unexpected token: '{text[place : place + 20]}'")
        tokens.append(match[1])
        place = match.end()
    return tokens


def _make_sort_key(value: Any) -> tuple[bool, Any]:
    return value is not None, parse_moment(value) if value is not None else ""


def parse_moment(value: Any) -> Any:
    """Return a time as one; anything else as it is."""
    if isinstance(value, str) and value[4:5] == "-" and value[10:11] == "T":
        return datetime.fromisoformat(value)
    return value


class _Parser:
    """Reads a query from its tokens, from left to right."""

    def __init__(self, tokens: list[str], run: Subquery) -> None:
        self.tokens = tokens
        self._run = run
        self._used: set[str] = set()

    def read_query(self) -> Query:
        """Read SELECT … FROM … WHERE … ORDER BY … LIMIT."""
        outer, self._used = self._used, set()
        self._expect("SELECT")
        columns, children = self._read_columns()
        self._expect("FROM")
        sobject = self._take()
        holds = self._read_any() if self._accept("WHERE") else lambda _row: True
        order = self._read_order() if self._accept("ORDER") else []
        limit = int(self._take()) if self._accept("LIMIT") else None
        used, self._used = frozenset(self._used), outer
        return Query(sobject, tuple(columns), tuple(children), used, holds, tuple(order), limit)

    def _read_columns(self) -> tuple[list[str], list[Query]]:
        columns: list[str] = []
        children: list[Query] = []
        while True:
            if self._accept("("):
                children.append(self.read_query())
                self._expect(")")
            else:
                columns.append(self._read_field())
            if not self._accept(","):
                return columns, children

    def _read_order(self) -> list[tuple[str, bool]]:
        self._expect("BY")
        order: list[tuple[str, bool]] = []
        while True:
            name = self._read_field()
            order.append((name, self._accept("DESC")))
            self._accept("ASC")
            if not self._accept(","):
                return order

    def _read_any(self) -> Condition:
        parts = [self._read_all()]
        while self._accept("OR"):
            parts.append(self._read_all())
        return parts[0] if len(parts) == 1 else lambda row: any(part(row) for part in parts)

    def _read_all(self) -> Condition:
        parts = [self._read_condition()]
        while self._accept("AND"):
            parts.append(self._read_condition())
        return parts[0] if len(parts) == 1 else lambda row: all(part(row) for part in parts)

    def _read_condition(self) -> Condition:
        if self._accept("("):
            inside = self._read_any()
            self._expect(")")
            return inside
        name = self._read_field()
        if self._accept("IN"):
            values = self._read_list()
            return lambda row: _fold(row.get(name)) in values
        symbol = self._take()
        if symbol not in _COMPARE:
            raise MalformedQueryError(f"unexpected token: '{symbol}'")
        compare, wanted = _COMPARE[symbol], self._read_value()
        return lambda row: _compare(compare, symbol, row.get(name), wanted)

    def _read_list(self) -> set[Any]:
        self._expect("(")
        if self.tokens and self.tokens[0].upper() == "SELECT":
            query = self.read_query()
            values = {_fold(row.get(query.columns[0])) for row in self._run(query)}
        else:
            values = {_fold(self._read_value())}
            while self._accept(","):
                values.add(_fold(self._read_value()))
        self._expect(")")
        return values

    def _read_value(self) -> Any:
        token = self._take()
        if token.startswith("'"):
            return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), token[1:-1])
        if token.upper() in _CONSTANTS:
            return _CONSTANTS[token.upper()]
        if token[4:5] == "-":
            return parse_moment(token)
        try:
            return float(token)
        except ValueError:
            raise MalformedQueryError(f"unexpected token: '{token}'") from None

    def _read_field(self) -> str:
        name = self._take()
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise MalformedQueryError(f"unexpected token: '{name}'")
        self._used.add(name)
        return name

    def _take(self) -> str:
        if not self.tokens:
            raise MalformedQueryError("unexpected token: '<EOF>'")
        return self.tokens.pop(0)

    def _accept(self, word: str) -> bool:
        if self.tokens and self.tokens[0].upper() == word:
            self.tokens.pop(0)
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._accept(word):
            raise MalformedQueryError(f"expecting '{word}' at '{' '.join(self.tokens[:3])}'")


def _fold(value: Any) -> Any:
    """Return a text as comparisons see it: without case, but for ids."""
    return value.lower() if isinstance(value, str) and not value.startswith("00") else value


def _compare(compare: Callable[[Any, Any], bool], symbol: str, actual: Any, wanted: Any) -> bool:
    if actual is None or wanted is None:
        return symbol in ("=", "!=") and compare(actual, wanted)
    return compare(_fold(parse_moment(actual)), _fold(wanted))
