"""The whole road: from files to messages at a receiver, by the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import respx

from cs_sync.cli import main

URL = "https://hooks.example.com/health"
SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CONFIG = f"""
[connectors.files]
path = "data"
[connectors.webhook]
url = "{URL}"
signing_secret = "env:WEBHOOK_SIGNING_SECRET"
[write_back]
destination = "webhook"
"""
FILES = {
    "accounts.csv": (
        "source_id,name,domain,owner_source_id,url\n"
        "alpha,Alpha,alpha.example,kim,https://crm.example.com/alpha\n"
        "beta,Beta,beta.example,,\n"
    ),
    "owners.csv": "source_id,name,email\nkim,Kim,Kim@example.com\n",
    "onboarding_steps.csv": "source_id,account,step,due_at\no1,alpha,Connect,2025-02-01\n",
    "subscriptions.csv": (
        "source_id,account,status,started_at,currency\n"
        "s-alpha,alpha,active,2025-01-01,EUR\n"
        "s-beta,beta,active,2025-01-15,EUR\n"
    ),
    "subscription_items.csv": (
        "source_id,subscription,valid_from,unit_amount,quantity,interval,interval_count\n"
        "i-alpha,s-alpha,2025-01-01,2000,10,month,1\n"
        "i-beta,s-beta,2025-01-15,120000,1,year,1\n"
    ),
}

Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """A command in a workspace of two paying accounts: how it ends, and the JSON it prints."""
    (tmp_path / "data").mkdir()
    for name, text in FILES.items():
        (tmp_path / "data" / name).write_text(text)
    config = tmp_path / "cs_sync.toml"
    config.write_text(CONFIG)
    config.chmod(0o600)
    monkeypatch.setenv("WEBHOOK_SIGNING_SECRET", SECRET)

    def command(*line: str) -> tuple[int, Any]:
        code = main(["--config", str(config), "--format", "json", *line])
        printed = capsys.readouterr()
        assert printed.out, printed.err
        return code, json.loads(printed.out)

    return command


@pytest.mark.slow("sends over the wire")
def test_accounts_are_sent_under_our_own_ids_and_only_once(
    run: Run, respx_mock: respx.MockRouter
) -> None:
    hook = respx_mock.post(URL).respond(204)
    run("sync")
    planned = [row for row in run("plan")[1] if row["object"] == "account"]
    assert [row["action"] for row in planned] == ["update", "update"]
    assert hook.call_count == 0
    assert run("push", "--yes")[0] == 0
    sent = [orjson.loads(call.request.content) for call in hook.calls]
    accounts = [message for message in sent if message["object"] == "account"]
    assert {message["account"] for message in accounts} == {row["account"] for row in planned}
    assert {message["fields"]["cs_mrr"] for message in accounts} == {200.0, 100.0}
    assert all(message["before"] == {} for message in accounts)
    assert run("push", "--yes")[0] == 0
    assert hook.call_count == len(sent)


@pytest.mark.slow("sends over the wire")
def test_a_push_that_the_receiver_stops_goes_on_with_the_same_messages(
    run: Run, respx_mock: respx.MockRouter, tmp_path: Path
) -> None:
    config = tmp_path / "cs_sync.toml"
    config.write_text(CONFIG.replace("signing_secret", "concurrency = 1\nsigning_secret"))
    hook = respx_mock.post(URL).respond(401)
    run("sync")
    assert run("push", "--yes")[0] == 3
    assert hook.call_count == 1
    refused = hook.calls.last.request.headers["webhook-id"]
    hook.respond(200)
    assert run("push", "--yes")[0] == 0
    assert refused in [call.request.headers["webhook-id"] for call in list(hook.calls)[1:]]


@pytest.mark.slow("sends over the wire")
def test_a_message_says_whom_it_is_about_and_who_is_to_act(
    run: Run, respx_mock: respx.MockRouter, tmp_path: Path
) -> None:
    settings = "[playbooks.onboarding_step]\nmax_age_days = 9999\n"
    with (tmp_path / "cs_sync.toml").open("a") as config:
        config.write(settings)
    hook = respx_mock.post(URL).respond(204)
    run("sync")
    assert run("push", "--yes")[0] == 0
    sent = [orjson.loads(call.request.content) for call in hook.calls]
    account = next(m for m in sent if m["object"] == "account" and m["account"] == "alpha")
    assert account["about"] == {
        "name": "Alpha",
        "owner": "kim@example.com",
        "links": {"files": "https://crm.example.com/alpha"},
    }
    other = next(m for m in sent if m["object"] == "account" and m["account"] == "beta")
    assert other["about"] == {"name": "Beta", "owner": None, "links": {}}
    (step,) = (m for m in sent if m["object"] == "follow_up")
    assert step["about"] == {
        **account["about"], "playbook": "onboarding_step", "assignee": "kim@example.com",
        "contact": None,
    }  # fmt: skip
    steps = FILES["onboarding_steps.csv"].replace("due_at", "due_at,done_at")
    done = steps.replace("2025-02-01", "2025-02-01,2025-02-03")
    (tmp_path / "data" / "onboarding_steps.csv").write_text(done)
    run("sync")
    assert run("push", "--yes")[0] == 0
    later = [orjson.loads(call.request.content) for call in list(hook.calls)[len(sent) :]]
    (closed,) = (m for m in later if m["object"] == "follow_up")
    assert (closed["key"], closed["fields"]) == (step["key"], {"status": "closed"})
    (note,) = (m for m in later if m["object"] == "note")
    assert note["about"] == {**step["about"], "follow_up": step["key"]}
    assert note["fields"]["body"].startswith("No longer needed: the step was done on 3 Feb")


@pytest.mark.slow("sends over the wire")
def test_a_run_sends_its_report_if_asked_to(
    run: Run, respx_mock: respx.MockRouter, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hook = respx_mock.post(URL).respond(204)
    with (tmp_path / "cs_sync.toml").open("a") as config:
        config.write('[report]\nsend_to = ["webhook"]\n')
    assert run("run", "--yes")[0] == 0
    sent = [orjson.loads(call.request.content) for call in hook.calls]
    (report,) = (message for message in sent if message["object"] == "report")
    page = (tmp_path / "cs_sync_report.html").read_text(encoding="utf-8")
    assert report["file"] == {
        "name": "cs_sync_report.html", "type": "text/html", "content": page,
    }  # fmt: skip
    assert report["summary"][0].startswith("MRR at risk: ")
    hook.respond(413, json={"message": "too large"})
    assert main(["--config", str(tmp_path / "cs_sync.toml"), "run"]) == 0, "it fails no run"
    assert "report: not sent to webhook: " in capsys.readouterr().out


def test_only_what_takes_reports_can_get_one(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "cs_sync.toml"
    text = file.read_text()
    for name, message in (
        ("hubspot", "hubspot is not configured"), ("webhok", "no installed connector writes to"),
    ):  # fmt: skip
        file.write_text(text + f'[report]\nsend_to = ["{name}"]\n')
        with pytest.raises(AssertionError, match=f"(?s)report.send_to.*{message}"):
            run("check")
    crm = f'[connectors.hubspot]\naccess_token = "{"x" * 20}"\n[report]\nsend_to = ["hubspot"]\n'
    file.write_text(text + crm)
    with pytest.raises(AssertionError, match=r"(?s)hubspot cannot receive reports.*webhook"):
        run("check")
