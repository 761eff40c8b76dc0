"""Statistics of tables that were filled for the first time."""

from sqlalchemy import Connection, text

MIN_BYTES = 1 << 18
"""A smaller table is read as quickly as it is looked up."""

_NEVER_ANALYZED = text(
    "SELECT relname FROM pg_class"
    " WHERE relnamespace = (SELECT current_schema()::regnamespace) AND relkind = 'r'"
    " AND pg_relation_size(oid) >= :bytes AND pg_stat_get_last_analyze_time(oid) IS NULL"
    " AND pg_stat_get_last_autoanalyze_time(oid) IS NULL ORDER BY relname"
)
"""The view `pg_stat_user_tables` reads the tables of all schemas: with a hundred workspaces in one
database it takes seconds."""


def analyze_new_tables(connection: Connection) -> list[str]:
    """Let PostgreSQL analyse the large tables that it never did.

    It does so by itself some time after a table was filled; until then it takes each for almost
    empty, and answers over several of them take hundreds of times as long.

    Args:
        connection: A write transaction.

    Returns:
        The names of the tables.
    """
    if connection.dialect.name != "postgresql":
        return []
    names = list(connection.scalars(_NEVER_ANALYZED, {"bytes": MIN_BYTES}))
    quote = connection.dialect.identifier_preparer.quote
    for name in names:
        connection.exec_driver_sql(f"ANALYZE {quote(name)}")
    return names
