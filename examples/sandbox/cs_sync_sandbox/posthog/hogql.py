"""HogQL as far as ClickHouse's dialect reaches: translated for DuckDB and really executed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

from cs_sync_sandbox.answers import Json
from cs_sync_sandbox.posthog.errors import make_invalid_error

USUAL_ROWS, MOST_ROWS = 100, 50_000
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def run_query(database: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, Any]) -> Json:
    """Return PostHog's answer to a HogQL query, or raise its refusal."""
    query = _parse_query(sql, values)
    limit = _limit(query)
    query = query.limit(limit + 1)
    text = query.transform(_translate_property).sql("duckdb")
    try:
        cursor = database.cursor().execute(text)
        columns = [(name, str(kind)) for name, kind, *_ in cursor.description or ()]
        rows = [[_convert_json(value) for value in row] for row in cursor.fetchall()]
    except duckdb.Error as error:
        raise make_invalid_error(f"Unable to resolve the query: {error}") from None
    return {
        "results": rows[:limit],
        "columns": [name for name, _ in columns],
        "types": [list(column) for column in columns],
        "hasMore": len(rows) > limit,
        "limit": limit,
        "offset": 0,
        "error": None,
        "is_cached": False,
    }


def _parse_query(sql: str, values: Mapping[str, Any]) -> exp.Select:
    def put_in(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise make_invalid_error(f"Unresolved placeholder: {{{match[1]}}}")
        return _make_literal(values[match[1]])

    try:
        query = sqlglot.parse_one(_PLACEHOLDER.sub(put_in, sql), dialect="clickhouse")
    except sqlglot.ParseError as error:
        raise make_invalid_error(f"Syntax error: {error}") from None
    if not isinstance(query, exp.Select):
        raise make_invalid_error("Only SELECT queries are supported")
    return query


def _make_literal(value: Any) -> str:
    if isinstance(value, list):
        return "(" + ", ".join(map(_make_literal, value)) + ")"
    return exp.convert(value).sql("clickhouse")


def _limit(query: exp.Select) -> int:
    clause = query.args.get("limit")
    requested = int(clause.expression.name) if clause else USUAL_ROWS
    return min(requested, MOST_ROWS)


def _translate_property(node: exp.Expression) -> exp.Expression:
    """`properties.x` and `person.properties.x` live in JSON, `person.x` in a column."""
    if not isinstance(node, exp.Column) or not node.table:
        return node
    if node.table == "person":
        return exp.column(f"person_{node.name}")
    if node.table == "properties" and node.db in ("", "person"):
        place = "person_properties" if node.db else "properties"
        path = exp.Literal.string(f'$."{node.name}"')
        return exp.Anonymous(this="json_extract_string", expressions=[exp.column(place), path])
    return node


def _convert_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat() + "Z"
    if isinstance(value, date):
        return value.isoformat()
    return int(value) if isinstance(value, Decimal) and value == int(value) else value
