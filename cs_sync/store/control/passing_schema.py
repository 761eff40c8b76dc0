"""A schema of one's own in the shared database that is gone afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import func, select
from sqlalchemy.schema import DropSchema

from cs_sync.store.control.open import open_control


@contextmanager
def hold_schema(url: str, name: str) -> Iterator[None]:
    """Drop a schema before and after; others that want it wait.

    Args:
        url: The PostgreSQL that workers share.
        name: The schema; who dies while holding it leaves it to the next one.

    Raises:
        ConfigError: The address names no PostgreSQL.
    """
    control = open_control(url)
    drop = DropSchema(name, cascade=True, if_exists=True)
    try:
        with control.write() as lock:
            lock.execute(select(func.pg_advisory_xact_lock(func.hashtext(name))))
            with control.write() as connection:
                connection.execute(drop)
            yield
            with control.write() as connection:
                connection.execute(drop)
    finally:
        control.close()
