"""Setting a portal up: each scope, each list, and what is left to do by hand."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cs_sync.cli import main
from cs_sync_hubspot.config import HubSpotConfig
from cs_sync_hubspot.portal_setup import list_manual_steps
from cs_sync_sandbox import Sandbox, keys

SCOPES = [
    "crm.objects.owners.read", "crm.objects.companies.read", "crm.objects.contacts.read",
    "crm.objects.feedback_submissions.read", "crm.objects.companies.write",
    "crm.objects.contacts.write", "crm.schemas.companies.write", "crm.schemas.contacts.write",
    "crm.lists.write",
]  # fmt: skip


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=7, accounts=4, limits=False) as sandbox:
        yield sandbox


def set_up(
    box: Sandbox, folder: Path, capsys: pytest.CaptureFixture[str], token: str, *more: str
) -> tuple[int, list[dict[str, object]]]:
    (folder / "cs_sync.toml").write_text(
        f'[connectors.hubspot]\nbase_url = "{box.url}/hubspot"\naccess_token = "{token}"\n'
        "portal_id = 4711\n"
    )
    config = str(folder / "cs_sync.toml")
    code = main(
        ["--config", config, "--quiet", "--format", "json", "setup", *(more or ("hubspot",))]
    )
    out = capsys.readouterr().out
    return code, json.loads(out) if out else []


def test_a_portal_is_set_up_once_and_again_without_a_change(
    box: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, rows = set_up(box, tmp_path, capsys, keys.HUBSPOT_TOKEN)
    assert code == 0, rows
    states = {str(row["step"]): row["message"] for row in rows}
    assert [step for step in states if step.startswith("crm.")] == SCOPES
    assert all(str(states[scope]).startswith("granted, to ") for scope in SCOPES)
    assert states["companies.cs_health_score"] == "created"
    assert states["list Score fell by 10 in 30 days"] == "created"
    by_hand = [str(row["message"]) for row in rows if row["ok"] is None]
    assert len(by_hand) == 3
    assert "https://app.hubspot.com/contacts/4711/objects/0-2/views/all/list" in by_hand[1]
    code, rows = set_up(box, tmp_path, capsys, keys.HUBSPOT_TOKEN)
    assert code == 0
    assert "created" not in {row["message"] for row in rows}


def test_each_missing_scope_is_named_with_what_it_is_for(
    box: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, rows = set_up(box, tmp_path, capsys, keys.HUBSPOT_NARROW_TOKEN)
    assert code == 3
    scopes = {row["step"]: row for row in rows if str(row["step"]).startswith("crm.")}
    assert [scope for scope, row in scopes.items() if row["ok"]] == SCOPES[:3]
    assert scopes["crm.objects.contacts.write"]["message"] == (
        "missing; needed to write tasks and notes"
    )
    assert "crm.schemas.contacts.write" in str(scopes["crm.schemas.contacts.write"]["remedy"])


def test_a_refused_key_is_said_and_an_unknown_destination_is_a_mistake(
    box: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, rows = set_up(box, tmp_path, capsys, "pat-none")
    assert code == 1
    assert "refused the access token" in str(rows[0]["message"])
    assert set_up(box, tmp_path, capsys, keys.HUBSPOT_TOKEN, "stripe")[0] == 2


def test_without_a_portal_id_steps_have_no_links_and_say_why() -> None:
    config = HubSpotConfig.model_validate({"access_token": "x" * 9})
    steps = list(list_manual_steps(config, "cs_"))
    assert steps[0].startswith("set portal_id")
    assert not any("https://" in step for step in steps)
