"""Compiled statements, kept for the whole process: each database's engine would compile anew."""

from collections.abc import Iterator, MutableMapping
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.util import LRUCache

KEPT = 2_000
"""So many statements are kept; a run of everything needs some 700."""


class CompiledStatements(MutableMapping[Any, Any]):
    """What SQLAlchemy compiles, by statement and kind of dialect.

    Its keys name the dialect of one engine. All engines of ours are made alike, so that what is
    compiled for one of a kind fits all of that kind.
    """

    def __init__(self) -> None:
        self._kept: LRUCache[Any, Any] = LRUCache(KEPT)

    def __getitem__(self, key: Any) -> Any:
        return self._kept[_generalise(key)]

    def __setitem__(self, key: Any, compiled: Any) -> None:
        self._kept[_generalise(key)] = compiled

    def __delitem__(self, key: Any) -> None:
        del self._kept[_generalise(key)]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)


def _generalise(key: Any) -> tuple[Any, ...]:
    """Return a key with the kind of the dialect in its place."""
    dialect, *rest = key
    return (*_describe_kind(dialect), *rest)


def _describe_kind(dialect: Dialect) -> tuple[Any, ...]:
    return type(dialect), getattr(dialect, "server_version_info", None)


COMPILED = CompiledStatements()
