"""What a good configuration becomes, and who else can say that one is bad."""

import tomllib
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from cs_sync import ConfigError
from cs_sync.config import load_config
from cs_sync.config.model import WriteBackSettings
from cs_sync.plugins import PluginRegistry
from tests.config.conftest import Read, fail_to_read


def test_an_empty_file_has_working_defaults(read: Read, tmp_path: Path) -> None:
    config = read("")
    assert config.database.url.get_secret_value() == f"sqlite:///{tmp_path}/cs_sync.db"
    assert config.workspace.timezone == ZoneInfo("UTC")
    assert config.workspace.currency == "EUR"
    assert config.write_back.max_change == 0.2
    assert config.write_back.owned_prefix == "cs_"
    assert config.folder == tmp_path
    assert len(config.connectors) == 0


def test_a_full_file_is_read(read: Read, tmp_path: Path) -> None:
    config = read(
        """
        [database]
        url = "postgresql+psycopg://me@localhost/acme"
        schema = "acme"
        keep_raw = true
        [workspace]
        name = "acme"
        timezone = "Europe/Warsaw"
        currency = "pln"
        language = "pl"
        [connectors.crm]
        [connectors.billing]
        api_key = "sk_1"
        project_id = 7
        base_url = "http://127.0.0.1:8900/billing"
        [metrics]
        policy = "default"
        [write_back]
        destination = "crm"
        [playbooks.detractor_call]
        enabled = false
        due_in = "2d"
        [health.bands]
        red = 1
        [schedule]
        cron = "*/15 5-7,9 * * 1"
        """
    )
    assert config.database.schema_name == "acme"
    assert config.workspace.currency == "PLN"
    assert list(config.connectors) == ["crm", "billing"]
    billing = config.connectors["billing"]
    assert billing.model_dump()["project_id"] == 7
    assert billing.workspace.timezone == ZoneInfo("Europe/Warsaw")
    assert billing.workspace.currency == "PLN"
    assert billing.workspace.folder == tmp_path
    assert not config.playbooks["detractor_call"].enabled
    assert config.playbooks["detractor_call"].due_in == timedelta(days=2)
    assert config.playbooks["account_review"].enabled
    assert config.health.bands.red == 1
    assert config.schedule.cron == "*/15 5-7,9 * * 1"


def test_nothing_changes_after_reading(read: Read) -> None:
    config = read("")
    with pytest.raises(ValidationError, match="frozen"):
        config.workspace.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("url", "becomes"),
    [
        ("sqlite:///data/x.db", "sqlite:///{folder}/data/x.db"),
        ("sqlite:////var/x.db", "sqlite:////var/x.db"),
    ],
)
def test_sqlite_files_lie_beside_the_configuration(
    read: Read, tmp_path: Path, url: str, becomes: str
) -> None:
    config = read(f'[database]\nurl = "{url}"')
    assert config.database.url.get_secret_value() == becomes.format(folder=tmp_path)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path, plugins: PluginRegistry) -> None:
    with pytest.raises(ConfigError, match="there is no configuration at") as caught:
        load_config(tmp_path / "cs_sync.toml", plugins)
    assert "cs-sync init" in caught.value.remedy


def test_a_broken_plugin_is_the_reason_given(read: Read, plugins: PluginRegistry) -> None:
    from cs_sync.plugins import BrokenPlugin

    plugins.exclude_plugin(
        BrokenPlugin("stripe", "customer-success-sync-stripe", "1", "no luck", "upgrade it")
    )
    error = fail_to_read(read, "[connectors.stripe]")
    assert "customer-success-sync-stripe 1 cannot be used: no luck" in error.message
    assert error.remedy == "upgrade it"


def test_a_reference_is_looked_up_in_every_section(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_NAME", "acme")
    monkeypatch.setenv("ACME_ZONE", "Europe/Warsaw")
    config = read(
        """
        [workspace]
        name = "env:ACME_NAME"
        timezone = "env:ACME_ZONE"
        [metrics]
        active_features = ["file:uploaded"]
        """
    )
    assert config.workspace.name == "acme"
    assert config.workspace.timezone == ZoneInfo("Europe/Warsaw")
    assert config.metrics.active_features == ("file:uploaded",)


@pytest.mark.parametrize(
    ("given", "names"),
    [('"crm"', ("crm",)), ('["crm", "hook", "crm"]', ("crm", "hook"))],
)
def test_one_destination_or_several(given: str, names: tuple[str, ...]) -> None:
    settings = tomllib.loads(f"destination = {given}")
    assert WriteBackSettings.model_validate(settings).destinations == names


@pytest.mark.parametrize("given", ["5", "[]", '["crm", 3]', "{ crm = true }"])
def test_a_destination_that_is_no_name_is_one_clear_message(read: Read, given: str) -> None:
    error = fail_to_read(read, f"[write_back]\ndestination = {given}")
    assert error.message.count("write_back.destination") == 1
    assert 'a list like ["hubspot", "webhook"]' in str(error)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[connectors.billing]]", '[connectors.billing_2] with type = "billing"'),
        ("[connectors.billing_de]", 'add type = "billing" if it is another billing'),
        ('[connectors.de]\ntype = "biling"', "did you mean billing"),
        ('[connectors.de]\ntype = "biling"', "connectors.de.type"),
        ("[connectors.de]\ntype = 7", "connectors.de.type: no such connector"),
        ('[connectors."billing de"]\ntype = "billing"', "is not a name"),
        ('[connectors.de]\ntype = "billing"', "connectors.de.api_key: is missing"),
        ('[write_back]\ndestination = "eu"\n[connectors.eu]\ntype = "billing"', "writes to eu"),
    ],
)
def test_what_is_wrong_with_an_instance(read: Read, text: str, says: str) -> None:
    assert says in str(fail_to_read(read, text))
