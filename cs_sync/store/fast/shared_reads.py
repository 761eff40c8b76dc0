"""What takes a pass over a table is read once while figures or a report are made.

Whoever changes a table in between is seen by the next run: what was computed is kept under what
the tables said before.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine

T = TypeVar("T")
_READ: WeakKeyDictionary[Engine, dict[Hashable, Any]] = WeakKeyDictionary()
"""Database → what was read of it; only within `share_reads`."""


@contextmanager
def share_reads(engine: Engine) -> Iterator[None]:
    """Let everything inside share what it reads with `read_once`."""
    if engine in _READ:
        yield
        return
    _READ[engine] = {}
    try:
        yield
    finally:
        del _READ[engine]


def read_once(connection: Connection, key: Hashable, read: Callable[[], T]) -> T:
    """Return what is read under a key.

    Within `share_reads` perhaps as it was read before.
    """
    known = _READ.get(connection.engine, {})
    if key not in known:
        known[key] = read()
    value: T = known[key]
    return value
