"""A run's environment: its own file, and nothing of the worker's that may be a secret."""

import os
import sys
from importlib import reload
from pathlib import Path

import pytest

from cs_sync.contracts.errors import ConfigError
from cs_sync.workers.environment import build_environment, read_env_file, use_environment


def test_only_what_is_nobodys_secret_is_shared() -> None:
    present = {
        "PATH": "/bin", "LC_ALL": "C", "HTTPS_PROXY": "http://proxy", "PYTHONPATH": "/x",
        "STRIPE_API_KEY": "rk_1", "CS_SYNC_WORKERS_DATABASE": "postgresql://u:p@h/d",
        "CS_SYNC_CONFIG": "/other.toml", "PGPASSWORD": "p", "PATHFINDER_TOKEN": "t",
    }  # fmt: skip
    assert build_environment(present, {"STRIPE_API_KEY": "rk_2"}) == {
        "PATH": "/bin", "LC_ALL": "C", "HTTPS_PROXY": "http://proxy", "PYTHONPATH": "/x",
        "STRIPE_API_KEY": "rk_2",
    }  # fmt: skip


def test_a_file_of_variables(tmp_path: Path) -> None:
    file = tmp_path / "acme.env"
    file.write_text("# keys\n\nexport A=1\nB = 'two words'\nC=a=b#c\nD=\"\"\nE='\n", "utf-8")
    assert read_env_file(file) == {"A": "1", "B": "two words", "C": "a=b#c", "D": "", "E": "'"}
    assert read_env_file(None) == {}


def test_a_wrong_line_is_named_without_its_value(tmp_path: Path) -> None:
    file = tmp_path / "acme.env"
    file.write_text("A=1\nrk_live_secret\n", "utf-8")
    with pytest.raises(ConfigError) as wrong:
        read_env_file(file)
    assert str(wrong.value).startswith(f"{file}, line 2: is not NAME=VALUE")
    assert "rk_live" not in str(wrong.value)
    with pytest.raises(ConfigError, match="No such file"):
        read_env_file(tmp_path / "none.env")


def test_the_environment_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_THE_WORKER", "x")
    before = dict(os.environ)
    with use_environment({"A": "1"}):
        assert dict(os.environ) == {"A": "1"}
    assert dict(os.environ) == before


def test_without_dbos_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dbos")
    import cs_sync.workers.durable_queue as module

    monkeypatch.setitem(sys.modules, "dbos", None)
    with pytest.raises(ConfigError, match=r"pip install 'customer-success-sync\[workers\]'"):
        reload(module)
    monkeypatch.undo()
    reload(module)
