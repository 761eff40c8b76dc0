"""Write `tables.py` from the models: `python -m cs_sync_schemas.write_tables`.

Whoever reads the database needs its tables, but no models: those take half of the time in which a
command starts.
"""

from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import Column, String
from sqlmodel.main import get_column_from_field
from sqlmodel.sql.sqltypes import AutoString

from cs_sync_schemas.record import StoredRow

FILE = Path(__file__).with_name("tables.py")
MODULES = (
    "answers", "billing", "business", "closing", "derived", "figures", "graph", "operations",
    "people", "published", "support", "usage", "voice",
)  # fmt: skip
"""The modules that define models."""

Columns = dict[str, Column[Any]]

_BEGIN = '''"""All tables, as the models define them; written by `make migration`.

Each is defined when it is first asked for; `METADATA` are all.
"""

from decimal import Decimal
from typing import TYPE_CHECKING

{imports}

METADATA: MetaData
{names}

_DEFINITIONS = {{
'''
_END = """}

if not TYPE_CHECKING:
    __getattr__ = make_table_loader(_DEFINITIONS, globals())
"""


def format_tables() -> str:
    """Format the module `tables.py`."""
    tables = {
        str(model.__tablename__): {
            name: get_column_from_field(field) for name, field in model.model_fields.items()
        }
        for model in list_models(StoredRow)
    }
    names = "\n".join(f"{name.upper()}: Table" for name in sorted(tables))
    begin = _BEGIN.format(imports=_format_imports(tables.values()), names=names)
    return begin + "".join(_format_table(name, tables[name]) for name in sorted(tables)) + _END


def list_models(base: type[StoredRow]) -> Iterator[type[StoredRow]]:
    """Yield the models with a table."""
    for module in MODULES:
        import_module(f"cs_sync_schemas.{module}")
    for model in base.__subclasses__():
        if model.model_config.get("table"):
            yield model
        else:
            yield from list_models(model)


def _format_imports(tables: Iterable[Columns]) -> str:
    """Format the imports of types, and of what every table needs."""
    kinds = {_find_type(column) for columns in tables for column in columns.values()}
    own = {kind for kind in kinds if kind.__module__.startswith("cs_sync_schemas.")}
    theirs = sorted(
        {kind.__name__ for kind in kinds - own} | {"Column", "MetaData", "Table"}, key=_by_case
    )
    line = f"from sqlalchemy import {', '.join(theirs)}"
    if len(line) > 100:
        line = "\n".join(("from sqlalchemy import (", *(f"    {name}," for name in theirs), ")"))
    rest = {
        "from cs_sync_schemas.table_loader import define_table, make_table_loader",
        *(f"from {kind.__module__} import {kind.__name__}" for kind in own),
    }
    return "\n".join((line, "", *sorted(rest)))


def _by_case(name: str) -> tuple[bool, str]:
    """Sort constants before classes, as imports are."""
    return not name.isupper(), name


def _format_table(name: str, columns: Columns) -> str:
    lines = "".join(f"        {key}={_format_column(column)},\n" for key, column in columns.items())
    return f'    "{name.upper()}": lambda: define_table(\n        "{name}",\n{lines}    ),\n'


def _format_column(column: Column[Any]) -> str:
    """Format a column as Python."""
    kind, default = _find_type(column).__name__, column.default
    parts = [f"{kind}{_format_options(column.type)}"]
    if column.primary_key:
        parts.append("primary_key=True")
    elif not column.nullable:
        parts.append("nullable=False")
    if column.index:
        parts.append("index=True")
    if default is not None:
        parts.append(f"default={_format_default(getattr(default, 'arg', None))}")
    return f"Column({', '.join(parts)})"


def _find_type(column: Column[Any]) -> type[Any]:
    """Return the type's class; SQLModel wraps that of text."""
    return String if isinstance(column.type, AutoString) else type(column.type)


def _format_options(kind: Any) -> str:
    return "(none_as_null=True)" if getattr(kind, "none_as_null", False) else ""


def _format_default(default: Any) -> str:
    """Format a value, or the type that makes an empty one."""
    if callable(default):
        return type(default(None)).__name__
    return f'"{default}"' if isinstance(default, str) else repr(default).replace("'", '"')


if __name__ == "__main__":
    FILE.write_text(format_tables(), "utf-8")
