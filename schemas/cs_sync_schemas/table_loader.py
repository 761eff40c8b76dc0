"""Tables that are defined when they are first asked for: most commands need a few of them."""

from collections.abc import Callable, Mapping, MutableMapping
from importlib import import_module
from typing import Any, cast

from sqlalchemy import Column, MetaData, Table

from cs_sync_schemas.history import HISTORY_SUFFIX, get_history_table
from cs_sync_schemas.metadata import DEFINING, METADATA

WITHOUT_ROWIDS = ("mrr_movement", "mrr_span")
"""Tables that are written and read account by account. A key is not kept twice, so they are a fifth
smaller, and a first computation stores them a third faster."""


def define_table(name: str, /, **columns: Column[Any]) -> Table:
    """Define a table; where its model was there before, return that one's."""
    for key, column in columns.items():  # a plain text: JSON takes no key of SQLAlchemy's own kind
        column.name = column.key = key
    table = Table(name, METADATA, *columns.values(), keep_existing=True)
    if name in WITHOUT_ROWIDS:
        table.dialect_options["sqlite"]["with_rowid"] = False
    return table


def make_table_loader(
    definitions: Mapping[str, Callable[[], Table]], module: MutableMapping[str, Any]
) -> Callable[[str], Any]:
    """Make the `__getattr__` of `tables.py`.

    Args:
        definitions: Name of a table in the module → what defines it.
        module: The module's names, which keep what was defined.
    """

    def load_table(name: str) -> Any:
        if name != "METADATA" and name not in definitions:
            raise AttributeError(f"module {module['__name__']!r} has no attribute {name!r}")
        with DEFINING:
            if name not in module:
                module[name] = load_all() if name == "METADATA" else definitions[name]()
            return module[name]

    def load_all() -> MetaData:
        for name in definitions:
            get_history_table(load_table(name))
        return METADATA

    return load_table


def find_table(name: str) -> Table | None:
    """Find a table, or that of past versions, by its name."""
    tables = import_module("cs_sync_schemas.tables")
    table: Table | None = getattr(tables, name.removesuffix(HISTORY_SUFFIX).upper(), None)
    if table is None or not name.endswith(HISTORY_SUFFIX):
        return table
    return get_history_table(table)


def get_table_named(name: str) -> Table:
    """Return the table of a name that there is."""
    return cast(Table, find_table(name))
