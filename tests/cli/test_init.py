"""`cs-sync init`: it writes a configuration once, and asks where somebody is there."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from cs_sync.cli.commands.setup import _choose_connectors

Run = Callable[..., Any]


def test_init_writes_once_and_says_what_is_next(run: Run, configured: Path) -> None:
    ran = run("--config", "new.toml", "init", "--name", "acme")
    assert ran.code == 0
    assert ran.out == ""
    assert "then: cs-sync check" in ran.err
    text = (configured / "new.toml").read_text()
    assert 'name = "acme"' in text
    again = run("--config", "new.toml", "init")
    assert again.code == 2
    assert "exists already" in again.err
    assert (configured / "new.toml").read_text() == text
    assert run("--config", "other.toml", "init", "--connector", "stripe").code == 2


def test_init_asks_when_somebody_is_there(
    run: Run, monkeypatch: pytest.MonkeyPatch, configured: Path
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    asked: list[str] = []
    monkeypatch.setattr(typer, "confirm", lambda text, **_: asked.append(text))
    assert _choose_connectors(["files", "stripe"]) == []
    assert asked == ["Use files?", "Use stripe?"]
