"""Zendesk's tokens, exports, deleted tickets and limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette

from cs_sync_sandbox import World, keys

OLD = 1_600_000_000


def token_of(client: Any, **changes: Any) -> Any:
    """Ask for a token."""
    asked = {
        "grant_type": "client_credentials",
        "client_id": keys.ZENDESK_CLIENT_ID,
        "client_secret": keys.ZENDESK_CLIENT_SECRET,
        **changes,
    }
    return client.post("/oauth/tokens", asked)


def every(zendesk: Any, name: str, **params: Any) -> list[dict[str, Any]]:
    """Return all rows of a cursor export."""
    body = zendesk.get(f"/incremental/{name}/cursor", start_time=OLD, **params).json()
    rows: list[dict[str, Any]] = body[name]
    while not body["end_of_stream"]:
        cursor = body["after_cursor"]
        body = zendesk.get(f"/incremental/{name}/cursor", cursor=cursor, **params).json()
        rows += body[name]
    return rows


def test_tickets_come_in_order_of_generation_once_each(zendesk: Any, world: World) -> None:
    tickets = every(zendesk, "tickets", per_page=500)
    assert len(tickets) == len(world.tickets) == len({t["id"] for t in tickets})
    stamps = [t["generated_timestamp"] for t in tickets]
    assert stamps == sorted(stamps)
    assert "deleted" in {t["status"] for t in tickets}


def test_closing_moves_generation_but_not_the_update(zendesk: Any) -> None:
    closed = next(t for t in every(zendesk, "tickets") if t["status"] == "closed")
    assert closed["generated_timestamp"] > OLD
    assert closed["updated_at"] < "2026-11-19"


def test_metric_sets_come_along_on_request(zendesk: Any) -> None:
    body = zendesk.get("/incremental/tickets/cursor", start_time=OLD, include="metric_sets").json()
    assert [m["ticket_id"] for m in body["metric_sets"]] == [t["id"] for t in body["tickets"]]
    unanswered = [m for m in body["metric_sets"] if not m["replies"]]
    assert all(m["reply_time_in_minutes"]["calendar"] is None for m in unanswered)


def test_the_end_gives_a_cursor_to_go_on_from(zendesk: Any) -> None:
    first = zendesk.get("/incremental/users/cursor", start_time=OLD).json()
    while not first["end_of_stream"]:
        first = zendesk.get("/incremental/users/cursor", cursor=first["after_cursor"]).json()
    again = zendesk.get("/incremental/users/cursor", cursor=first["after_cursor"]).json()
    assert again["users"] == []
    assert again["end_of_stream"]
    assert again["after_cursor"] == first["after_cursor"]


def test_organizations_repeat_a_row_at_the_page_edge(zendesk: Any, world: World) -> None:
    ids: list[int] = []
    start, ended = OLD, False
    while not ended:
        body = zendesk.get("/incremental/organizations", start_time=start, per_page=100).json()
        ids += [o["id"] for o in body["organizations"]]
        start, ended = body["end_time"], body["end_of_stream"]
    assert len(set(ids)) == sum(c.in_zendesk for c in world.companies)
    assert len(ids) > len(set(ids))


def test_deleted_tickets_are_listed_for_30_days(zendesk: Any, clock: Any) -> None:
    rows = zendesk.get("/deleted_tickets").json()["deleted_tickets"]
    assert rows
    deleted = {t["id"] for t in every(zendesk, "tickets") if t["status"] == "deleted"}
    assert {r["id"] for r in rows} <= deleted


def test_a_user_wrote_from_the_second_address(zendesk: Any, world: World) -> None:
    person = next(p for p in world.people if len(p.emails) == 2 and p.in_zendesk)
    id_ = 37_000_000_000 + person.number
    users = {u["id"]: u for u in every(zendesk, "users")}
    assert users[id_]["email"] == person.emails[1]
    actual = zendesk.get(f"/users/{id_}/identities").json()["identities"]
    assert {i["value"] for i in actual} == set(person.emails)
    assert {u["role"] for u in users.values()} == {"end-user", "agent", "admin"}


@pytest.mark.parametrize(
    ("params", "status"),
    [({"start_time": 1_999_999_999}, 422), ({}, 400), ({"cursor": "nonsense"}, 400)],
)
def test_a_wrong_start_is_refused(zendesk: Any, params: dict[str, Any], status: int) -> None:
    assert zendesk.get("/incremental/tickets/cursor", **params).status_code == status


def test_tokens_are_for_known_clients_and_expire(
    app: Starlette, call: Callable[..., Any], clock: Any
) -> None:
    anybody = call(app, "/zendesk")
    assert token_of(anybody, client_secret="wrong").json()["error"] == "invalid_client"
    assert token_of(anybody, expires_in=300).status_code == 400
    granted = token_of(anybody, expires_in=600).json()
    assert granted["expires_in"] == 600
    zendesk = call(app, "/zendesk/api/v2", granted["access_token"])
    assert zendesk.get("/users/me").json()["user"]["role"] == "admin"
    clock.pass_time(600)
    expired = zendesk.get("/users/me")
    assert (expired.status_code, expired.json()["error"]) == (401, "invalid_token")


def test_exports_need_an_admin(app: Starlette, call: Callable[..., Any]) -> None:
    granted = token_of(call(app, "/zendesk"), client_id=keys.ZENDESK_AGENT_CLIENT_ID).json()
    agent = call(app, "/zendesk/api/v2", granted["access_token"])
    assert agent.get("/users/me").json()["user"]["role"] == "agent"
    assert agent.get("/incremental/tickets/cursor", start_time=OLD).status_code == 403


def test_ten_exports_a_minute(limited_app: Starlette, call: Callable[..., Any], clock: Any) -> None:
    granted = token_of(call(limited_app, "/zendesk")).json()
    zendesk = call(limited_app, "/zendesk/api/v2", granted["access_token"])
    path = "/incremental/organizations"
    answers = [zendesk.get(path, start_time=OLD) for _ in range(11)]
    assert [a.status_code for a in answers] == [200] * 10 + [429]
    wait = int(answers[-1].headers["retry-after"])
    assert 0 < wait <= 61
    assert answers[-1].headers["content-type"].startswith("text/plain"), "not always JSON"
    assert zendesk.get("/users/me").status_code == 200
    clock.pass_time(wait)
    assert zendesk.get(path, start_time=OLD).status_code == 200
