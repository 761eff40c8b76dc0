"""The page of records: tables that connectors fill, and columns that files take."""

from collections.abc import Iterator, Mapping
from typing import Any

from cs_sync.cli.reference.tables import render_table
from cs_sync_schemas.export import build_records_schema

_INTRODUCTION = """\
# Records

This page is written from the code. These are the tables that connectors fill. A file's columns have
the same names ([files](../connectors/files.md)); `schemas/records.schema.json` is the same as JSON
Schema. What BI reads are the views of [BI](../bi.md).

Money is a whole number of minor units with its currency. Times are aware, and stored in UTC. A
field that a row leaves out is unknown, unless the table says what it is else.
"""


def render_records() -> str:
    """Return the page as Markdown."""
    definitions: Mapping[str, Any] = build_records_schema()["$defs"]
    parts = [_INTRODUCTION]
    for name, definition in definitions.items():
        parts += _render_record(name, definition)
    return "\n".join(parts)


def _render_record(name: str, definition: Mapping[str, Any]) -> Iterator[str]:
    yield f"## `{name}`\n"
    yield f"{' '.join(definition['description'].split())}\n"
    needed = definition["required"]
    rows = (
        (
            f"`{field}`",
            f"{describe_type(schema)}{_describe_need(schema, required=field in needed)}",
            schema.get("description", ""),
        )
        for field, schema in definition["properties"].items()
    )
    yield from render_table(("field", "type", "meaning"), rows)


def _describe_need(schema: Mapping[str, Any], *, required: bool) -> str:
    """Describe a field that a row leaves out; mostly it is unknown."""
    default = schema.get("default")
    if required or default in (None, [], {}):
        return ", required" if required else ""
    shown = {True: "yes", False: "no"}[default] if isinstance(default, bool) else default
    return f", else `{shown}`"


def describe_type(schema: Mapping[str, Any]) -> str:
    """Describe the type of a JSON Schema in few words."""
    if options := schema.get("anyOf"):
        kinds = [describe_type(option) for option in options if option.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if values := schema.get("enum"):
        return ", ".join(f"`{value}`" for value in values)
    if "const" in schema:
        return f"`{schema['const']}`"
    names = {"date-time": "time", "date": "day", "decimal": "decimal"}
    plain = {"string": "text", "integer": "whole number", "array": "list", "boolean": "yes or no"}
    kind = str(schema.get("type", "any"))
    return names.get(schema.get("format", ""), plain.get(kind, kind))
