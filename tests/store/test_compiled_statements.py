"""Statements are compiled once in a process, for all engines of a kind."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.compiler import SQLCompiler

from cs_sync.store.engine import open_store
from cs_sync.store.fast.compiled_statements import CompiledStatements
from cs_sync.store.migrate import migrate_schema
from cs_sync_schemas.tables import ACCOUNT
from tests.conftest import NOW


def test_the_second_engine_finds_what_the_first_has_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[str] = []
    compile_select: Any = SQLCompiler.visit_select

    def count(self: Any, statement: Any, **how: Any) -> Any:
        compiled.append(self.dialect.name)
        return compile_select(self, statement, **how)

    monkeypatch.setattr(SQLCompiler, "visit_select", count)
    counts = []
    for name in ("one", "two"):
        store = open_store(f"sqlite:///{tmp_path / name}.db")
        migrate_schema(store, NOW)
        with store.write() as connection:
            row = {"id": name, "first_seen_at": NOW, "changed_at": NOW}
            connection.execute(ACCOUNT.insert().values(row))
        compiled.clear()
        with store.read() as connection:
            chosen = select(ACCOUNT.c.id, ACCOUNT.c.changed_at).where(ACCOUNT.c.id == name)
            assert [tuple(row) for row in connection.execute(chosen)] == [(name, NOW)]
        counts.append(len(compiled))
        store.close()
    assert counts == [1, 0]


def test_kinds_and_versions_are_kept_apart() -> None:
    kept = CompiledStatements()
    make_sqlite: Any = sqlite.dialect
    make_postgresql: Any = postgresql.dialect
    first, same, other, newer = make_sqlite(), make_sqlite(), make_postgresql(), make_postgresql()
    newer.server_version_info = (18, 1)
    kept[first, "statement"] = "of sqlite"
    kept[other, "statement"] = "of postgresql"
    assert kept.get((same, "statement")) == "of sqlite"
    assert kept.get((make_postgresql(), "statement")) == "of postgresql"
    assert kept.get((newer, "statement")) is None
    assert kept.get((same, "another")) is None
    assert len(kept) == 2
