"""A secret that the vendor exchanges is replaced where it is kept, at once, and for nobody else."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cs_sync.config.secrets import SecretResolver
from cs_sync.contracts.errors import ConfigError
from cs_sync.plugins import load_plugins
from tests.config.conftest import Read

OLD, NEW = ("-".join((word, "refresh", "token")) for word in ("old", "new"))
KEY = "cs_sync.toml: connectors.acme.refresh_token"


@pytest.fixture
def secrets(tmp_path: Path) -> SecretResolver:
    return SecretResolver(tmp_path, load_plugins())


def test_a_file_is_replaced_and_nobody_else_may_read_it(
    secrets: SecretResolver, tmp_path: Path
) -> None:
    token = tmp_path / "acme.token"
    token.write_text(f"{OLD}\n")
    token.chmod(0o644)
    write = secrets.find_writer("file:acme.token", KEY)
    assert write is not None
    write(NEW)
    assert secrets.resolve("file:acme.token", KEY) == NEW
    assert token.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["acme.token"]
    assert NEW in secrets.seen  # and is masked in messages


def test_the_file_behind_a_link_is_replaced(secrets: SecretResolver, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "token").write_text(OLD)
    (tmp_path / "acme.token").symlink_to(kept / "token")
    write = secrets.find_writer("file:acme.token", KEY)
    assert write is not None
    write(NEW)
    assert (kept / "token").read_text() == NEW


def test_a_file_that_cannot_be_written_is_an_error_without_the_token(
    secrets: SecretResolver,
) -> None:
    write = secrets.find_writer("file:nowhere/acme.token", KEY)
    assert write is not None
    with pytest.raises(ConfigError, match="cannot be written") as refused:
        write(NEW)
    assert KEY in refused.value.message
    assert NEW not in f"{refused.value}"


def test_a_keyring_is_written(secrets: SecretResolver, monkeypatch: pytest.MonkeyPatch) -> None:
    stored: list[Any] = []
    keyring = SimpleNamespace(set_password=lambda *given: stored.append(given))
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    write = secrets.find_writer("keyring:acme", KEY)
    assert write is not None
    write(NEW)
    assert stored == [("cs-sync", "acme", NEW)]


def test_a_connector_gets_what_replaces_its_secrets(read: Read, tmp_path: Path) -> None:
    (tmp_path / "billing.key").write_text(OLD)
    config = read('[connectors.billing]\napi_key = "file:billing.key"\nproject_id = 2')
    workspace = config.connectors["billing"].workspace
    assert list(workspace.secret_writers) == ["api_key"]
    workspace.secret_writers["api_key"](NEW)
    assert (tmp_path / "billing.key").read_text() == NEW


@pytest.mark.parametrize("value", ["env:ACME_TOKEN", "vault:acme", OLD, 7, None])
def test_nothing_else_can_be_written(secrets: SecretResolver, value: Any) -> None:
    assert secrets.find_writer(value, KEY) is None
