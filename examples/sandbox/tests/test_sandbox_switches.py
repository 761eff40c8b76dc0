"""Faults, edits, the portal's pages and the configuration."""

from __future__ import annotations

import asyncio
import tomllib
from typing import Any

import pytest
from starlette.types import Message

from cs_sync_sandbox import create_app, keys
from cs_sync_sandbox.settings import format_config
from cs_sync_sandbox.world import World

COMPANY = "/objects/2026-03/companies/31000000001"
TASKS = "/objects/2026-03/tasks"


def make_task(hubspot: Any, **properties: str) -> str:
    """Create a task on the first company and return its id."""
    link = {
        "to": {"id": "31000000001"},
        "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 192}],
    }
    given = {"hs_timestamp": "2026-11-25T09:00:00Z", **properties}
    body = {"inputs": [{"properties": given, "associations": [link]}]}
    return str(hubspot.post(f"{TASKS}/batch/create", body).json()["results"][0]["id"])


def test_a_fault_answers_so_many_times(switches: Any, stripe: Any) -> None:
    fault = {"path": "/v1/customers", "status": 503, "times": 2, "headers": {"Retry-After": "1"}}
    assert switches.post("/faults", [fault]).json() == {"pending": 1}
    answers = [stripe.get("/customers") for _ in range(3)]
    assert [a.status_code for a in answers] == [503, 503, 200]
    assert answers[0].headers["retry-after"] == "1"
    assert stripe.get("/coupons").status_code == 200


def test_a_wrong_switch_says_what_is_wrong(switches: Any) -> None:
    assert "extra" in switches.post("/faults", [{"path": "x", "colour": 1}]).json()["error"].lower()
    assert switches.post("/edit", {"action": "dance"}).status_code == 400
    gone = switches.post("/edit", {"action": "complete_task", "id": "1"})
    assert gone.status_code == 404


@pytest.mark.parametrize(("fault", "parts"), [({"drop": True}, 0), ({"truncate": True}, 1)])
def test_a_lost_answer_comes_after_the_work(
    world: World, clock: Any, fault: dict[str, Any], parts: int
) -> None:
    """The company is changed although the client never gets to know."""
    app = create_app(world, limits=False, clock=clock)
    sent = _exchange(app, "POST", "/_sandbox/faults", b'[{"path": "31000000001", %s}]' % (
        f'"{next(iter(fault))}": true'.encode()
    ))  # fmt: skip
    assert sent[0]["status"] == 200
    path = "/hubspot/crm/objects/2026-03/companies/31000000001"
    lost = _exchange(app, "PATCH", path, b'{"properties": {"name": "Renamed"}}')
    promised = int(dict(lost[0]["headers"])[b"content-length"])
    assert sum(len(m["body"]) for m in lost[1:]) < promised
    assert len(lost) == 1 + parts
    whole = _exchange(app, "GET", path, b"")
    assert b"Renamed" in whole[1]["body"]


def test_edits_do_what_people_do(switches: Any, hubspot: Any) -> None:
    id_ = make_task(hubspot)
    for edit in (
        {"action": "complete_task", "id": id_},
        {
            "action": "set_properties",
            "kind": "companies",
            "id": "31000000001",
            "properties": {"name": "By hand"},
        },
        {
            "action": "merge",
            "kind": "companies",
            "winner": "31000000001",
            "loser": "31000000002",
        },
        {"action": "archive", "kind": "companies", "id": "31000000003"},
    ):
        assert switches.post("/edit", edit).json() == {"done": True}
    task = hubspot.get(f"{TASKS}/{id_}", properties="hs_task_status").json()
    assert task["properties"]["hs_task_status"] == "COMPLETED"
    company = hubspot.get(COMPANY, properties="name,hs_merged_object_ids").json()
    assert company["properties"]["name"] == "By hand"
    assert company["properties"]["hs_merged_object_ids"] == "31000000002"
    assert hubspot.get("/objects/2026-03/companies/31000000002").json()["id"] == "31000000001"
    assert hubspot.get("/objects/2026-03/companies/31000000003").status_code == 404


def test_a_portal_may_refuse_unique_task_properties(switches: Any, hubspot: Any) -> None:
    switches.post("/edit", {"action": "portal", "unique_task_properties": False})
    key = {
        "groupName": "task_information",
        "name": "cs_sync_key",
        "label": "Key",
        "type": "string",
        "fieldType": "text",
        "hasUniqueValue": True,
    }
    at = "/properties/2026-03/tasks"
    assert hubspot.post(at, key).status_code == 400
    assert hubspot.post(at, {**key, "hasUniqueValue": False}).status_code == 201


def test_the_pages_show_companies_and_tasks_escaped(portal_page: Any, hubspot: Any) -> None:
    make_task(hubspot, hs_task_subject="<b>Call</b>", hs_task_body="Score 72 → 41\n& falling")
    front = portal_page.get("/")
    assert front.status_code == 200
    assert "Acme internal test" in front.text
    assert "color-scheme: light dark" in front.text
    page = portal_page.get("/companies/31000000001").text
    assert "&lt;b&gt;Call&lt;/b&gt;" in page
    assert "<b>Call</b>" not in page
    assert "Score 72 → 41\n&amp; falling" in page
    assert portal_page.get("/companies/1").status_code == 404


def test_the_configuration_names_every_connector() -> None:
    config = tomllib.loads(format_config("http://127.0.0.1:8900", "/tmp/a b.db"))
    assert config["database"]["url"] == "sqlite:////tmp/a b.db"
    assert config["connectors"].keys() == {"stripe", "hubspot", "zendesk", "posthog"}
    assert config["connectors"]["hubspot"]["access_token"] == keys.HUBSPOT_TOKEN
    assert config["connectors"]["posthog"]["backfill_days"] == 200
    assert config["connectors"]["posthog"]["surveys"] == {
        "In-app NPS": "nps",
        "How easy was that?": "ces",
    }


def _exchange(app: Any, method: str, path: str, body: bytes) -> list[Message]:
    """Return the raw messages of one exchange."""
    sent: list[Message] = []
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "server": ("sandbox", 80),
        "headers": [
            (b"host", b"sandbox"),
            (b"authorization", f"Bearer {keys.HUBSPOT_TOKEN}".encode()),
        ],
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent
