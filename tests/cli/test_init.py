"""`cs-sync init`: it writes a configuration once, and asks where somebody is there."""

import sys
from collections.abc import Callable
from importlib.metadata import entry_points
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


@pytest.mark.slow("proposes and checks; test_files_proposals shows it quickly")
def test_init_looks_at_a_folder_and_asks_for_what_it_does_not_tell(
    run: Run, configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = {point.name for point in entry_points(group="cs_sync")} - {"files"}
    monkeypatch.setenv("CS_SYNC_DISABLED_PLUGINS", ",".join(others))
    exports = configured / "exports"
    exports.mkdir()
    (exports / "Kunden.csv").write_text("Nr.;Firma;Kunde seit\n1;Acme;03/04/2026\n")
    ran = run("--config", "new.toml", "init", "--from", "exports", "--name", "acme")
    assert ran.code == 0
    assert "  Kunden.csv → accounts: 3 fields of 3 columns" in ran.err
    assert "? Kunden.csv decide on map.accounts.created_at: DD/MM/YYYY or MM/DD/YYYY?" in ran.err
    asked = run("--config", "new.toml", "check")
    assert asked.code == 2
    assert "connectors.files: map.accounts.created_at is open" in asked.err
    path = configured / "new.toml"
    text = path.read_text()
    assert 'name = "acme"' in text
    path.write_text(text.replace('format = "?"', 'format = "DD/MM/YYYY"'))
    decided = run("--config", "new.toml", "--format", "csv", "check")
    assert "Kunden.csv,true,3 of 3 columns" in decided.out.replace('"', "")
    nothing = run("--config", "other.toml", "init", "--from", "nowhere")
    assert nothing.code == 2
    assert "nowhere is not a folder" in nothing.err
