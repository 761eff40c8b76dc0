"""The tables as the configuration describes them: presets first, then its own words."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any, get_args
from zoneinfo import ZoneInfo

from cs_sync_files.cells import is_money
from cs_sync_files.layouts import ColumnMap, FileLayout, Notation, PresetName
from cs_sync_files.mapped_cells import make_mapped_converter
from cs_sync_files.tables import ATTRIBUTE, BY_NAME, SHORT_NAMES, Table
from cs_sync_schemas.money import CURRENCY_EXPONENT

PRESETS: tuple[str, ...] = get_args(PresetName)
EVERY_TABLE = "*"
Layouts = Mapping[str, FileLayout]
Maps = Mapping[str, Mapping[str, ColumnMap]]
_OF_MAPPED = {*Notation.model_fields, "empty"}
"""Keys of a layout that only mapped columns follow; others are written as the schema has it."""
_AMOUNT_UNITS = {"minor", "major", *CURRENCY_EXPONENT}


def build_tables(preset: str | None, layouts: Layouts, maps: Maps) -> dict[str, Table]:
    """Return the tables by name, with their layouts and maps."""
    preset_layouts, preset_maps = read_preset(preset) if preset else ({}, {})
    common = layouts.get(EVERY_TABLE, FileLayout())
    return {
        name: replace(
            table,
            layout=preset_layouts.get(name, FileLayout())
            .merge(common)
            .merge(layouts.get(name, FileLayout())),
            columns={**preset_maps.get(name, {}), **_expand_names(maps.get(name, {}))},
            is_expected=bool(name in layouts and layouts[name].file),
        )
        for name, table in BY_NAME.items()
    }


@cache
def read_preset(name: str) -> tuple[Layouts, Maps]:
    """Return a preset's layouts and maps.

    What a table does not need is optional."""
    text = (files("cs_sync_files.presets") / f"{name}.toml").read_text("utf-8")
    content: dict[str, dict[str, Any]] = tomllib.loads(text)
    layouts = {
        table: FileLayout.model_validate(layout) for table, layout in content["read"].items()
    }
    maps = {
        table: {
            field: spec.model_copy(update={"optional": field not in BY_NAME[table].required})
            for field, spec in _expand_names(
                {field: ColumnMap.model_validate(spec) for field, spec in columns.items()}
            ).items()
        }
        for table, columns in content["map"].items()
    }
    return layouts, maps


def _expand_names(columns: Mapping[str, ColumnMap]) -> dict[str, ColumnMap]:
    """Return a map with the full names of its fields."""
    return {SHORT_NAMES.get(name, name): spec for name, spec in columns.items()}


def find_mapping_problems(preset: str | None, layouts: Layouts, maps: Maps) -> Iterator[str]:
    """Yield what is wrong with layouts and maps, by key."""
    for part, names in (("read", layouts), ("map", maps)):
        for name in names:
            if name not in BY_NAME and (part, name) != ("read", EVERY_TABLE):
                yield f"{part}.{name} is not a table ({_suggest(name, BY_NAME)})"
    known: Maps = {name: columns for name, columns in maps.items() if name in BY_NAME}
    tables = build_tables(preset, layouts, known)
    for name in filter(tables.__contains__, layouts):
        ignored = sorted(layouts[name].model_fields_set & _OF_MAPPED)
        if ignored and not tables[name].is_mapped:
            keys = ", ".join(f"read.{name}.{key}" for key in ignored)
            yield f"{keys} needs map.{name}, which says what the columns are"
    for name, columns in known.items():
        for field in columns:
            full = SHORT_NAMES.get(field, field)
            spec = tables[name].columns[full]
            problem = _find_field_problem(tables[name], full, spec)
            if problem:
                yield f"map.{name}.{field} {problem}"


def _find_field_problem(table: Table, field: str, spec: ColumnMap) -> str | None:
    """Return what is wrong with a field's map, if anything."""
    if spec.is_open:
        return 'is open: put what is right for each "?" in it'
    if field.startswith(ATTRIBUTE):
        return _find_attribute_problem(table, field, spec)
    if field not in table.fields:
        return f"is not a field of {table.name} ({_suggest(field, table.fields)})"
    unit = Notation.merge(table.layout, spec).unit
    if is_money(field) and spec.constant is None and unit not in _AMOUNT_UNITS:
        return (
            'needs a unit: "minor" where 4900 is 49.00, "major" or a currency such as "EUR" '
            "where it is written 49.00"
        )
    if spec.constant:
        try:
            make_mapped_converter(table, field, ZoneInfo("UTC"))(spec.constant)
        except ValueError as error:
            return f"is not a constant of this field: {error}".replace("; ", ", ")
    return None


def _find_attribute_problem(table: Table, field: str, spec: ColumnMap) -> str | None:
    if table.name != "accounts" or field == ATTRIBUTE:
        return f"is not a field of {table.name} (only accounts have attributes: attr.NAME)"
    stars = {text.count("*") for text in spec.column} or {0}
    if field.count("*") > 1 or stars != {field.count("*")}:
        return 'needs one * on both sides, such as "attr.*" = "* (metadata)"'
    return None


def _suggest(word: str, candidates: Mapping[str, Any] | tuple[str, ...]) -> str:
    near = get_close_matches(word, candidates, 1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(candidates)}"
