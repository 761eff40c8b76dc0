"""From books to HubSpot by the command line, over the wire: what is said, and how it ends."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import respx
import time_machine

from cs_sync_sandbox.hubspot import Portal
from cs_sync_sandbox.keys import HUBSPOT_TOKEN
from tests.foresight.kept_models import keep_model
from tests.jobs.road import CONFIG, Place, Ran, small_company
from tests.known_failures.portal import answers_of

Answer = Callable[[httpx.Request], httpx.Response]
HOOK = "http://127.0.0.1:9/health"
HUBSPOT = f"""
    [connectors.hubspot]
    access_token = "{HUBSPOT_TOKEN}"
    base_url = "http://127.0.0.1:8/hubspot"
    [connectors.webhook]
    url = "{HOOK}"
    signing_secret = "whsec_bm90IGEgc2VjcmV0LCBub3QgYSBzZWNyZXQsIG5vdA=="
    [write_back]
    destination = "hubspot"
"""
BOTH = HUBSPOT.replace('"hubspot"\n', '["webhook", "hubspot"]\n')
pytestmark = pytest.mark.slow("syncs and pushes over the wire in each test")
CUSTOMERS = ("alpha", "beta", "delta")
UPDATE, CREATE = "companies/batch/update", "tasks/batch/create"


class Office:
    """A small company with HubSpot; `trouble` answers in its place where it wants to."""

    def __init__(self, path: Path) -> None:
        self.place: Place = small_company(path)
        self.configure(HUBSPOT)
        self.portal = Portal(lambda: datetime.now(UTC), search_lag=timedelta(0))
        self.answers: Answer = answers_of(self.portal, self.portal.now)
        self.trouble: dict[str, Answer] = {}
        self.hook: list[Any] = []
        self.hook_status = 204
        self.paths: list[str] = []
        for name in ("alpha", "beta", "gamma", "delta"):
            values = {"name": name.title(), "domain": f"{name}.example"}
            self.portal.create("companies", values)

    def configure(self, text: str) -> None:
        self.place.configure(CONFIG + text)

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.paths.append(path)
        for end, answer in self.trouble.items():
            if path.endswith(end):
                return answer(request)
        return self.answers(request)

    def hooked(self, request: httpx.Request) -> httpx.Response:
        self.hook.append(orjson.loads(request.content))
        return httpx.Response(self.hook_status)

    def run(self, *line: str) -> Ran:
        self.paths.clear()
        return self.place.run(*line)

    def shown(self, name: str) -> dict[str, str | None]:
        """What the company of that name shows."""
        companies = self.portal.objects["companies"].values()
        return next(c.properties for c in companies if c.properties["domain"] == f"{name}.example")

    def written(self) -> list[str]:
        return [path for path in self.paths if path.endswith(("/create", "/update"))]

    def ledger(self, destination: str = "hubspot") -> list[dict[str, Any]]:
        where = "SELECT * FROM write_ledger WHERE destination = ?"
        return self.place.select(where, destination)


@pytest.fixture
def office(tmp_path: Path, respx_mock: respx.MockRouter) -> Office:
    """One that has read its books and its CRM."""
    made = Office(tmp_path)
    respx_mock.route(port=8).mock(side_effect=made.answer)
    respx_mock.post(HOOK).mock(side_effect=made.hooked)
    assert made.run("sync").code == 0
    return made


def refuse(status: int, **body: str) -> Answer:
    return lambda _request: httpx.Response(status, json={"status": "error", **body})


DAILY = refuse(429, message="daily", policyName="DAILY", errorType="RATE_LIMIT")


def test_scores_and_follow_ups_are_written_once(office: Office) -> None:
    assert office.run("push", "--yes").code == 0
    assert all(office.shown(name)["cs_health_score"] for name in CUSTOMERS)
    assert "cs_health_score" not in office.shown("gamma"), "not a customer any more"
    tasks = len(list(office.portal.live("tasks")))
    assert tasks
    again = office.run("push")
    assert (again.code, office.written()) == (0, [])
    assert len(list(office.portal.live("tasks"))) == tasks


def test_a_lost_database_writes_no_task_twice(office: Office) -> None:
    assert office.run("push", "--yes").code == 0
    keys = {task.properties["cs_sync_key"] for task in office.portal.live("tasks")}
    for task in office.portal.live("tasks"):  # as if they had been called for under other ids
        playbook = str(task.properties["cs_sync_key"]).rpartition("-")[0]
        task.properties["cs_sync_key"] = f"{playbook}-{'0' * 31}{task.id[-1]}"
    before = {task.properties["cs_sync_key"] for task in office.portal.live("tasks")}
    (office.place.path / "cs_sync.db").unlink()
    assert office.run("sync").code == 0
    planned = office.place.json("plan")
    assert {row["key"] for row in planned if row["object"] == "follow_up"} == before
    assert office.run("push", "--yes").code == 0
    assert {task.properties["cs_sync_key"] for task in office.portal.live("tasks")} == before
    stored = office.place.select(
        "SELECT DISTINCT coalesce(lead, key) AS key FROM follow_up WHERE state = 'open'"
    )
    assert {row["key"] for row in stored} == before != keys


@pytest.mark.parametrize("founder", ["company", "customer"])
def test_a_second_company_of_one_domain_makes_no_second_task(office: Office, founder: str) -> None:
    """Beta's tasks stay at its company and go on; who is who, a person says later."""
    if founder == "customer":
        (office.place.path / "cs_sync.db").unlink()
        assert office.run("sync", "--only", "files").code == 0
    assert office.run("run", "--yes").code == 0
    before = {task.properties["cs_sync_key"] for task in office.portal.live("tasks")}
    first = next(
        c for c in office.portal.live("companies") if c.properties["domain"] == "beta.example"
    )
    with time_machine.travel(office.place.now):
        office.portal.create("companies", {"name": "Beta GmbH", "domain": "beta.example"})
    office.place.now += timedelta(days=1)
    ran = office.run("run", "--yes")
    assert ran.code == 0, ran
    assert "3 account records could belong to several accounts" in ran.messages
    assert first.properties["cs_health_band"] == "insufficient", "no customer is known there"
    refused = [row for row in office.place.json("plan") if row["action"] == "refused"]
    assert [row["object"] for row in refused] == ["account"]
    assert refused[0]["reason"] == "no matching record in hubspot"
    answered = office.run("accounts", "link", f"hubspot:{first.id}", "files:beta")
    assert answered.code == 0, answered
    office.place.now += timedelta(days=1)
    assert office.run("run", "--yes").code == 0
    assert first.properties["cs_health_band"] == "red"
    tasks = list(office.portal.live("tasks"))
    assert {task.properties["cs_sync_key"] for task in tasks} == before
    assert len(tasks) == len(before)


def test_without_yes_nothing_is_written_past_max_change_not_even_a_property(
    office: Office,
) -> None:
    ran = office.run("push")
    assert ran.code == 3
    assert (
        "the plan touches 3 of 3 accounts, and [write_back] max_change allows 20%" in ran.messages
    )
    assert "write it with --yes" in ran.messages
    assert office.written() == []
    assert not [name for name in office.portal.definitions["companies"] if name.startswith("cs_")]
    assert office.ledger() == []


def test_the_first_accepted_model_needs_no_yes(office: Office) -> None:
    """Its properties are new to every company; what was there moves at none."""
    office.run("push", "--yes")
    assert office.shown("alpha")["cs_priority_basis"] == "missing_health"
    keep_model(office.place, "churn")
    ran = office.run("push")
    assert ran.code == 0, ran
    for name in CUSTOMERS:
        shown = office.shown(name)
        assert shown["cs_churn_probability"]
        assert "of accounts like this" in str(shown["cs_churn_outlook"])
        assert shown["cs_priority_basis"] == "churn_probability"
    assert (office.run("push").code, office.written()) == (0, [])


def test_a_month_that_ended_joins_the_history(office: Office) -> None:
    office.place.now = office.place.now.replace(day=28)
    assert office.run("run", "--yes").code == 0
    assert "cs_health_history" not in office.shown("alpha")
    ended, score = f"{office.place.now:%Y-%m}", str(office.shown("alpha")["cs_health_score"])
    office.place.now += timedelta(days=5)
    assert office.run("run", "--yes").code == 0
    assert office.shown("alpha")["cs_health_history"] == f"{ended}: {float(score):.0f}"


def test_the_plan_shows_an_edit_and_the_push_tells_of_it(office: Office) -> None:
    office.run("push", "--yes")
    alpha = next(r for r in office.portal.live("companies") if r.properties["name"] == "Alpha")
    office.portal.update(alpha, {"cs_health_band": "excellent"})
    rows = office.place.json("plan")
    [row] = [row for row in rows if "edited" in row["reason"]]
    assert (row["action"], row["changes"]) == ("unchanged", {})
    assert "cs_health_band is 'excellent'" in row["reason"]
    ran = office.run("push")
    assert ran.code == 0
    assert "1 of our records in hubspot were edited by someone" in ran.messages
    assert "account Alpha (" in ran.messages
    assert alpha.properties["cs_health_band"] == "excellent"


def test_a_plan_without_a_look_is_made_with_a_warning(office: Office) -> None:
    office.run("push", "--yes")
    office.trouble["companies/batch/read"] = refuse(403, message="no", category="MISSING_SCOPES")
    ran = office.run("plan")
    assert ran.code == 0
    assert "hubspot unreachable; used last state" in ran.messages


def test_a_daily_limit_ends_the_push_in_clear_words_and_the_next_day_goes_on(
    office: Office,
) -> None:
    office.trouble[CREATE] = DAILY
    ran = office.run("push", "--yes")
    assert ran.code == 3, ran
    assert "HubSpot's daily quota of requests is used up" in ran.messages
    assert "wait for the next run, which resumes here" in ran.messages
    written = [row for row in office.ledger() if row["status"] == "acked"]
    assert {row["object"] for row in written} == {"account"}, "receipts are kept"
    office.trouble.clear()
    office.place.now += timedelta(days=1)
    assert office.run("push", "--yes").code == 0
    assert {row["status"] for row in office.ledger()} == {"acked"}
    keys = [task.properties["cs_sync_key"] for task in office.portal.live("tasks")]
    assert keys
    assert len(keys) == len(set(keys))


def test_a_daily_limit_before_anything_is_written_is_partial_too(office: Office) -> None:
    for end in ("companies/batch/read", "properties/2026-03/companies/groups"):
        office.trouble = {end: DAILY}
        ran = office.run("push", "--yes")
        assert ran.code == 3, ran
        assert "nothing was written to hubspot" in ran.messages
        assert office.written() == []


@pytest.mark.parametrize(
    ("status", "policy"), [(429, "TEN_SECONDLY_ROLLING"), (429, "SECONDLY"), (503, "")]
)
def test_what_passes_is_waited_for(office: Office, status: int, policy: str) -> None:
    answers = iter([refuse(status, message="slow", policyName=policy)])
    office.trouble[UPDATE] = lambda request: next(answers, office.answers)(request)
    ran = office.run("push", "--yes")
    assert ran.code == 0, ran
    assert all(office.shown(name)["cs_health_score"] for name in CUSTOMERS)


def test_a_refused_key_and_a_missing_scope_are_told_with_the_remedy(office: Office) -> None:
    office.trouble[UPDATE] = refuse(401, message="expired", category="EXPIRED_AUTHENTICATION")
    ran = office.run("push", "--yes")
    assert ran.code == 3
    assert "put it into [connectors.hubspot] access_token" in ran.messages
    scopes = [{"message": "s", "context": {"requiredGranularScopes": ["crm.x.companies.write"]}}]
    body = {"message": "no", "category": "MISSING_SCOPES", "errors": scopes}
    office.trouble[UPDATE] = lambda _request: httpx.Response(403, json=body)
    ran = office.run("push", "--yes")
    assert ran.code == 3
    assert "give the key these scopes: crm.x.companies.write" in ran.messages
    office.trouble.clear()
    assert office.run("push", "--yes").code == 0


def test_an_admins_rule_names_the_record_and_waits_for_a_new_value(office: Office) -> None:
    office.run("push", "--yes")
    office.place.run("sync")
    company = next(r for r in office.portal.live("companies") if r.properties.get("cs_next_action"))
    office.portal.update(company, {"cs_next_action": ""})
    office.portal.rules["companies", "cs_next_action"] = ("^$", "Only managers plan actions")
    ran = office.run("push", "--yes")
    assert ran.code == 3
    assert f"account {company.properties['name']} (" in ran.messages
    assert "cs_next_action: Only managers plan actions" in ran.messages
    again = office.run("push", "--yes")
    assert (again.code, office.written()) == (3, []), "told again, not sent again"
    assert "refused: VALIDATION_ERROR" in again.messages
    office.portal.rules.clear()
    assert office.run("push", "--yes", "--retry-refused").code == 0
    assert company.properties["cs_next_action"]


def test_a_second_push_at_the_same_time_is_refused_in_clear_words(office: Office) -> None:
    inside: list[Ran] = []

    def meanwhile(request: httpx.Request) -> httpx.Response:
        inside.append(office.place.run("push", "--yes"))
        return office.answers(request)

    office.trouble[CREATE] = meanwhile
    assert office.run("push", "--yes").code == 0
    [second] = inside
    assert second.code == 1
    assert "another run works on this workspace" in second.messages
    keys = [task.properties["cs_sync_key"] for task in office.portal.live("tasks")]
    assert len(keys) == len(set(keys))


def test_the_run_says_that_the_portal_refuses_unique_keys(office: Office) -> None:
    office.portal.unique_task_properties = False
    ran = office.run("push", "--yes")
    assert ran.code == 0
    assert "tasks.cs_sync_key: this portal refuses unique properties here" in ran.messages
    assert "keep the database" in ran.messages


def test_two_destinations_have_plans_and_ledgers_of_their_own(office: Office) -> None:
    office.configure(BOTH)
    rows = office.place.json("plan")
    planned = {
        name: [r for r in rows if r["destination"] == name] for name in ("webhook", "hubspot")
    }
    assert [row["destination"] for row in rows] == ["webhook"] * len(planned["webhook"]) + [
        "hubspot"
    ] * len(planned["hubspot"])
    assert office.run("push", "--yes").code == 0
    assert {row["status"] for row in office.ledger("webhook")} == {"acked"}
    assert {row["status"] for row in office.ledger("hubspot")} == {"acked"}
    assert {m["account"] for m in office.hook if m["object"] == "account"} == {
        row["account_id"] for row in office.ledger("hubspot") if row["object"] == "account"
    }
    [newest, *_] = office.place.json("runs")
    assert newest["writes"]["update"] == 2 * len(CUSTOMERS)
    office.hook.clear()
    assert office.run("push", "--yes").code == 0
    assert (office.hook, office.written()) == ([], [])


def test_one_destination_that_fails_does_not_stop_the_other(office: Office) -> None:
    office.configure(BOTH)
    office.hook_status = 401
    ran = office.run("push", "--yes")
    assert ran.code == 3
    assert all(office.shown(name)["cs_health_score"] for name in CUSTOMERS)
    assert {row["status"] for row in office.ledger("hubspot")} == {"acked"}
    office.hook_status = 204
    office.trouble["companies/batch/read"] = DAILY
    assert office.run("push", "--yes").code == 3
    assert {row["status"] for row in office.ledger("webhook")} == {"acked"}
