"""A run and the commands that answer give the same on SQLite and PostgreSQL."""

import json
import re
from pathlib import Path

import pytest

from cs_sync.store.engine import Store
from tests.jobs.road import CONFIG, Place, small_company
from tests.postgres import WORKSPACES, empty

COMMANDS = [
    ("score",), ("accounts",), ("explain", "alpha"), ("metrics",), ("mrr", "--by", "account"),
    ("metrics", "--since", "2026-01-01", "--by", "plan"), ("plan",), ("playbooks",),
    ("backtest",), ("analyse", "cohorts"), ("analyse", "causes"), ("analyse", "load"),
]  # fmt: skip


@pytest.fixture
def places(tmp_path: Path, postgres_engine: object, postgres_workspace: str) -> list[Place]:
    made = []
    for name in ("sqlite", "postgresql"):
        (tmp_path / name).mkdir()
        made.append(small_company(tmp_path / name))
    empty(Store(postgres_engine))  # type: ignore[arg-type]
    database = f'[database]\nurl = "{postgres_workspace}"\nschema = "{WORKSPACES[0]}"\n'
    made[1].configure(database + "\n".join(line.strip() for line in CONFIG.splitlines()))
    return made


def test_every_command_answers_alike(places: list[Place]) -> None:
    assert [place.run("run").code for place in places] == [0, 0]
    for words in COMMANDS:
        expected, actual = (place.run("--format", "json", *words) for place in places)
        assert (actual.code, actual.err) == (expected.code, expected.err), words
        assert load(actual.out) == load(expected.out), words


def load(text: str) -> object:
    """Parse an answer; the two runs stored their rows parts of a second apart."""
    return json.loads(re.sub(r"(T\d\d:\d\d):\d\d\.\d+", r"\1", text)) if text else None
