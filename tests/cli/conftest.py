"""A workspace without a database, and a way to run commands over jobs made up by the test."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cs_sync.cli import main

Job = Callable[..., Any]
Jobs = Callable[..., None]


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture(scope="session")
def installed() -> str:
    """The names of all plugins, as an environment variable."""
    from importlib.metadata import entry_points

    return ",".join({point.name for point in entry_points(group="cs_sync")})


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: str) -> Path:
    """A folder with an empty configuration, and no plugin but those of the test."""
    monkeypatch.setenv("CS_SYNC_DISABLED_PLUGINS", installed)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.delenv("CS_SYNC_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cs_sync.toml").write_text("")
    return tmp_path


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Jobs:
    """Put a job in the place of a real one: `jobs("jobs.sync", sync_workspace=lambda …)`."""

    def put(module: str, **functions: Job) -> None:
        for function, job in functions.items():
            monkeypatch.setattr(f"cs_sync.{module}.{function}", job)

    @contextmanager
    def opened(config: Any, plugins: Any, *, emit: Any) -> Iterator[Any]:
        workspace = ModuleType("workspace")
        today = date(2026, 11, 30)
        workspace.__dict__.update(config=config, plugins=plugins, emit=emit, today=today)
        yield workspace

    monkeypatch.setattr("cs_sync.jobs.derive.update_mrr", lambda *_, **__: None)
    monkeypatch.setattr("cs_sync.jobs.close_months.close_shown_months", lambda *_, **__: None)
    put("runtime.workspace", open_workspace=opened)
    return put


@pytest.fixture
def run(configured: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line."""

    def call(*arguments: str) -> Ran:
        code = main(_texts(arguments))
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return call


def _texts(arguments: Sequence[object]) -> list[str]:
    return [str(argument) for argument in arguments]
