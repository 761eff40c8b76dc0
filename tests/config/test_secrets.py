"""References are looked up when a connector is used, and what they hide is never shown."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from cs_sync import ConfigError
from cs_sync.config import Config

Read = Callable[[str], Config]
CANARY = "sk_live_canary_7731"


def billing(value: str, rest: str = "") -> str:
    return f'[connectors.billing]\napi_key = "{value}"\n{rest}'


def api_key(config: Config) -> str:
    return str(config.connectors["billing"].api_key.get_secret_value())  # type: ignore[attr-defined]


def test_the_environment_is_asked_when_the_connector_is_used(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = read(billing("env:BILLING_KEY"))
    with pytest.raises(ConfigError) as caught:
        config.connectors["billing"]
    assert caught.value.message == (
        "cs_sync.toml: connectors.billing.api_key: environment variable BILLING_KEY is not set"
    )
    assert caught.value.remedy == "export BILLING_KEY=…"
    monkeypatch.setenv("BILLING_KEY", CANARY)
    assert api_key(config) == CANARY
    assert CANARY not in repr(config)
    assert CANARY not in repr(config.connectors["billing"])


def test_everything_that_is_missing_is_named_at_once(read: Read) -> None:
    config = read(billing("env:A", 'project_id = "env:B"\n[connectors.crm]\ntoken = "env:C"'))
    with pytest.raises(ConfigError) as caught:
        config.connectors.resolve_secrets(["billing", "crm"])
    for variable in "ABC":
        assert f"variable {variable} is not set" in caught.value.message
        assert f"export {variable}=…" in caught.value.remedy


def test_an_empty_variable_is_missing(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLING_KEY", "")
    with pytest.raises(ConfigError, match="BILLING_KEY is empty"):
        read(billing("env:BILLING_KEY")).connectors["billing"]


def test_any_value_may_be_a_reference(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROJECT", "12")
    config = read(billing("x", 'project_id = "env:PROJECT"'))
    assert config.connectors["billing"].model_dump()["project_id"] == 12


def test_a_wrong_value_behind_a_reference_is_named_but_not_shown(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROJECT", CANARY)
    config = read(billing("x", 'project_id = "env:PROJECT"'))
    with pytest.raises(ConfigError, match=r"billing\.project_id: must be a whole number") as caught:
        config.connectors["billing"]
    assert CANARY not in str(caught.value)


def test_a_reference_to_plain_http_is_found_on_use(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("URL", "http://example.com")
    config = read(billing("x", 'base_url = "env:URL"'))
    with pytest.raises(ConfigError, match="base_url: must be an https:// address"):
        config.connectors["billing"]


def test_a_file_lies_beside_the_configuration(read: Read, tmp_path: Path) -> None:
    (tmp_path / "key.txt").write_text(f"{CANARY}\n")
    assert api_key(read(billing("file:key.txt"))) == CANARY


def test_a_missing_file_is_named(read: Read, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"api_key: .*nowhere.txt cannot be read \(No such file"):
        read(billing("file:nowhere.txt")).connectors["billing"]


def test_without_keyring_the_package_is_named(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigError, match="needs the keyring package") as caught:
        read(billing("keyring:billing")).connectors["billing"]
    assert "pip install keyring" in caught.value.remedy


def test_the_keyring_is_asked(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {("cs-sync", "billing"): CANARY}
    keyring = ModuleType("keyring")
    keyring.get_password = lambda service, name: kept.get((service, name))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    assert api_key(read(billing("keyring:billing"))) == CANARY
    with pytest.raises(ConfigError, match="the keyring has no other") as caught:
        read(billing("keyring:other")).connectors["billing"]
    assert caught.value.remedy == "keyring set cs-sync other"


@pytest.mark.usefixtures("vault")
def test_a_plugin_opens_its_own_scheme(read: Read) -> None:
    assert api_key(read(billing("vault:billing"))) == "opened-billing"


@pytest.mark.usefixtures("vault")
def test_a_plain_value_with_a_colon_stays_itself(read: Read) -> None:
    assert api_key(read(billing("user:password"))) == "user:password"


def test_the_database_address_may_be_a_secret(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB", f"postgresql+psycopg://me:{CANARY}@localhost/acme")
    config = read('[database]\nurl = "env:DB"')
    assert CANARY in config.database.url.get_secret_value()
    assert CANARY not in repr(config)


def test_a_wrong_database_address_is_not_repeated(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB", f"oracle://me:{CANARY}@localhost/acme")
    with pytest.raises(ConfigError, match=r"database\.url: must begin with") as caught:
        read('[database]\nurl = "env:DB"')
    assert CANARY not in str(caught.value)


def test_what_a_connector_says_of_a_secret_is_hidden(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BILLING_KEY", f"old_{CANARY}")
    for value in (f"old_{CANARY}", "env:BILLING_KEY"):
        with pytest.raises(ConfigError) as caught:
            read(billing(value)).connectors["billing"]
        assert caught.value.message.endswith("billing.api_key: ••• is an old key")
        assert caught.value.remedy == "make a new one"
