"""Creation of the views: after a migration, and where a run finds older definitions."""

from sqlalchemy import Connection
from sqlalchemy.schema import CreateView, DropView

from cs_sync.store.views.definitions import VIEWS, View


def create_views(connection: Connection) -> None:
    """Create all views, or replace them: PostgreSQL keeps their grants."""
    for view in VIEWS:
        on_postgresql = connection.dialect.name == "postgresql"
        created = CreateView(view.build_statement(), view.name, or_replace=on_postgresql)
        if on_postgresql:
            connection.execute(created)
            _comment_on(connection, view)
        else:
            connection.execute(DropView(created.table, if_exists=True))
            connection.execute(created)


def _comment_on(connection: Connection, view: View) -> None:
    """Store the meanings in the database, where BI tools show them."""
    connection.exec_driver_sql(f"COMMENT ON VIEW {view.name} IS {_quote(view.purpose)}")
    for name, column in view.columns.items():
        place = f'{view.name}."{name}"'
        connection.exec_driver_sql(f"COMMENT ON COLUMN {place} IS {_quote(column.meaning)}")


def _quote(text: str) -> str:
    """Quote a literal for the driver.

    To it a percent sign is a placeholder.
    """
    return "'" + text.replace("'", "''").replace("%", "%%") + "'"
