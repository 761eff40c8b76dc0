"""A new configuration says what each key is for, and works as it stands."""

import stat
import tomllib
from datetime import date, time
from pathlib import Path

import pytest

from cs_sync import ConfigError
from cs_sync.config import load_config, render_template, write_template
from cs_sync.config.template import find_variables
from cs_sync.follow_ups import PLAYBOOKS, FollowUpSettings
from cs_sync.health.model import HealthConfig
from cs_sync.plugins import PluginRegistry


def test_the_template_can_be_loaded_as_it_is(
    tmp_path: Path, plugins: PluginRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = render_template(plugins, ["billing", "crm"], name="acme", timezone="Europe/Warsaw")
    path = tmp_path / "cs_sync.toml"
    write_template(path, text)
    config = load_config(path, plugins)
    assert config.workspace.name == "acme"
    assert config.write_back.destination == "crm"
    assert find_variables(text) == ["BILLING_API_KEY"]
    monkeypatch.setenv("BILLING_API_KEY", "x")
    assert config.connectors["billing"].base_url == "https://billing.example.com"


def test_every_key_is_there_with_its_description(plugins: PluginRegistry) -> None:
    text = render_template(plugins, ["billing", "crm"])
    assert '# A restricted key that may read.\napi_key = "env:BILLING_API_KEY"\n' in text
    assert "# Number of the project.\n# project_id = 1\n" in text
    assert '# token = "env:CRM_TOKEN"' in text
    assert "workspace = " not in text
    assert set(tomllib.loads(text)["connectors"]["billing"]) == {"api_key"}


def test_an_instance_has_a_section_and_variables_of_its_own(
    tmp_path: Path, plugins: PluginRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = render_template(plugins, ["billing", "billing_de=billing", "crm_eu=crm"])
    assert '[connectors.billing_de]\ntype = "billing"\n' in text
    assert find_variables(text) == ["BILLING_API_KEY", "BILLING_DE_API_KEY"]
    path = tmp_path / "cs_sync.toml"
    write_template(path, text)
    config = load_config(path, plugins)
    assert config.connectors.types == {
        "billing": "billing", "billing_de": "billing", "crm_eu": "crm",
    }  # fmt: skip
    assert config.write_back.destination == "crm_eu"
    monkeypatch.setenv("BILLING_DE_API_KEY", "x")
    assert config.connectors["billing_de"].section == "[connectors.billing_de]"


def test_an_unknown_connector_is_refused(plugins: PluginRegistry) -> None:
    with pytest.raises(ConfigError, match="no connector zendesk") as caught:
        render_template(plugins, ["zendesk"])
    assert caught.value.remedy == 'pip install "customer-success-sync[zendesk]"'


def test_the_file_is_for_its_owner_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "cs_sync.toml"
    write_template(path, "first")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(ConfigError, match="exists already"):
        write_template(path, "second")
    assert path.read_text() == "first"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written: No such file"):
        write_template(tmp_path / "no" / "cs_sync.toml", "text")


def test_the_health_model_can_be_taken_from_the_comments(
    tmp_path: Path, plugins: PluginRegistry
) -> None:
    text = render_template(plugins, ["crm"])
    begin, end = text.index("# How health"), text.index("[follow_ups]")
    health = "\n".join(line.removeprefix("# ") for line in text[begin:end].splitlines()[1:])
    (tmp_path / "cs_sync.toml").write_text(health)
    assert load_config(tmp_path / "cs_sync.toml", plugins).health == HealthConfig()


def test_follow_ups_can_be_taken_from_the_comments(tmp_path: Path, plugins: PluginRegistry) -> None:
    """Every key of the section and a playbook are there, and hold as they are written."""
    text = render_template(plugins, ["crm"])
    begin, end = text.index("[follow_ups]"), text.index("[write_back]")
    lines = [line.removeprefix("# ") for line in text[begin:end].splitlines()]
    settings = [line for line in lines if line.startswith("[") or " = " in line]
    (tmp_path / "cs_sync.toml").write_text("\n".join(settings))
    config = load_config(tmp_path / "cs_sync.toml", plugins)
    example = {
        "assignee": "head.of.cs@example.com",
        "business_hours": (time(9), time(17)),
        "holidays": frozenset({date(2026, 12, 25)}),
        "start": date(2026, 12, 1),
        "high_from": 500.0,
        "low_below": 100.0,
    }
    assert config.follow_ups == FollowUpSettings().model_copy(update=example)
    assert {*FollowUpSettings.model_fields} <= {line.split(" = ")[0] for line in settings}
    assert config.playbooks["detractor_call"] == PLAYBOOKS["detractor_call"].defaults
    assert "exit_surveys" in text
