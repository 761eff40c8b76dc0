"""Reading the exports: cursors, repeated rows, deletions, ratings, refusals."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import respx

from cs_sync import Page, RequestRefused, Unreachable, Window
from cs_sync.http import ManualClock
from cs_sync_schemas import Membership, SourceAccount, SourceContact, SurveyResponse, Ticket
from cs_sync_zendesk import cs_sync_sources
from cs_sync_zendesk.mapping import map_ticket as mapped
from cs_sync_zendesk.source import ZendeskSource

Json = dict[str, Any]
Pages = Callable[[str, Window], list[Page]]
Rows = Callable[[list[Page], Any], list[Json]]

UNTIL = datetime(2026, 11, 20, tzinfo=UTC)
ALL = Window(None, UNTIL)
TICKETS = "/api/v2/incremental/tickets/cursor"
USERS = "/api/v2/incremental/users/cursor"
ORGANIZATIONS = "/api/v2/incremental/organizations"


def ticket(id: int = 123, **more: Any) -> Json:
    return {
        "id": id, "subject": "Export fails", "status": "solved", "priority": "high",
        "tags": ["export", "billing"], "requester_id": 501, "organization_id": 88,
        "via": {"channel": "email"}, "custom_fields": [{"id": 3600, "value": "data_export"}],
        "satisfaction_rating": {"id": 9, "score": "good", "comment": "Thanks"},
        "created_at": "2026-11-01T08:00:00Z", "updated_at": "2026-11-03T09:00:00Z",
        "generated_timestamp": 1_793_610_000, **more,
    }  # fmt: skip


def metrics(ticket_id: int = 123, **more: Any) -> Json:
    return {
        "id": 900, "ticket_id": ticket_id, "reopens": 1, "replies": 3,
        "reply_time_in_minutes": {"calendar": 42, "business": 42},
        "solved_at": "2026-11-02T09:00:00Z", "status_updated_at": "2026-11-02T09:00:00Z", **more,
    }  # fmt: skip


def user(id: int = 501, **more: Any) -> Json:
    return {
        "id": id, "name": "Ana Lopez", "email": "ana@acme.example", "external_id": "u-17",
        "role": "end-user", "organization_id": 88, "active": True,
        "created_at": "2026-01-02T00:00:00Z", "updated_at": "2026-11-01T08:00:00Z", **more,
    }  # fmt: skip


def organization(id: int = 88, **more: Any) -> Json:
    return {
        "id": id, "name": "Acme GmbH", "external_id": "42",
        "domain_names": ["Acme.example", "acme.test"], "tags": ["vip"],
        "organization_fields": {"plan": "pro", "region": None},
        "created_at": "2026-01-02T00:00:00Z", "updated_at": "2026-05-01T00:00:00Z", **more,
    }  # fmt: skip


def export(name: str, rows: list[Any], cursor: str, *, end: bool = True, **more: Any) -> Any:
    body = {name: rows, "after_cursor": cursor, "end_of_stream": end, **more}
    return httpx.Response(200, json=body)


def test_the_hook_offers_the_source() -> None:
    assert cs_sync_sources() == [ZendeskSource]


def test_tickets_are_read_by_cursor_and_the_last_one_is_kept(
    vendor: respx.MockRouter, pages: Pages, rows: Rows
) -> None:
    route = vendor.get(TICKETS).mock(
        side_effect=[
            export("tickets", [ticket(1)], "c1", end=False),
            export("tickets", [ticket(2)], "c2"),
        ]
    )
    actual = pages("tickets", ALL)
    assert [page.resume for page in actual] == ["c1", "c2"]
    assert [row["source_id"] for row in rows(actual, Ticket)] == ["1", "2"]
    first, second = (dict(call.request.url.params) for call in route.calls)
    assert first == {"start_time": "0", "include": "metric_sets", "per_page": "1000"}
    assert second == {"cursor": "c1", "include": "metric_sets", "per_page": "1000"}


def test_the_next_run_goes_on_from_the_kept_cursor(vendor: respx.MockRouter, pages: Pages) -> None:
    route = vendor.get(TICKETS).mock(side_effect=[export("tickets", [], "c2")])
    (page,) = pages("tickets", Window(None, UNTIL, resume="c2", backfill=False))
    assert route.calls.last.request.url.params["cursor"] == "c2"
    assert page.resume == "c2"


def test_a_ticket_with_its_metrics(vendor: respx.MockRouter, pages: Pages, rows: Rows) -> None:
    vendor.get(TICKETS).mock(
        side_effect=[export("tickets", [ticket()], "c1", metric_sets=[metrics()])]
    )
    (row,) = rows(pages("tickets", ALL), Ticket)
    assert (row["account_source_id"], row["contact_source_id"]) == ("88", "501")
    assert row["first_reply_at"] == datetime(2026, 11, 1, 8, 42, tzinfo=UTC)
    assert row["solved_at"] == datetime(2026, 11, 2, 9, tzinfo=UTC)
    assert row["closed_at"] is None
    assert (row["agent_replies"], row["reopens"], row["topic"]) == (3, 1, "export")
    assert row["transfers"] is None
    assert row["url"] == "https://acme.zendesk.com/agent/tickets/123"


@pytest.mark.parametrize(
    ("agents", "groups", "transfers"), [(0, 1, 0), (1, 1, 0), (2, 1, 1), (3, 4, 3), (None, 2, 1)]
)
def test_a_ticket_that_went_through_several_hands(
    agents: int | None, groups: int, transfers: int
) -> None:
    figures = metrics(assignee_stations=agents, group_stations=groups)
    (row,) = (
        row
        for kind, row in mapped(ticket(), figures, "https://acme.zendesk.com", None)
        if kind is Ticket
    )
    assert row["transfers"] == transfers


def test_what_has_not_happened_yet_is_unknown(
    vendor: respx.MockRouter, pages: Pages, rows: Rows
) -> None:
    waiting = metrics(reply_time_in_minutes={"calendar": None}, solved_at=None, replies=0)
    raw = ticket(status="new", organization_id=None, satisfaction_rating={"score": "offered"})
    vendor.get(TICKETS).mock(side_effect=[export("tickets", [raw], "c1", metric_sets=[waiting])])
    actual = pages("tickets", ALL)
    (row,) = rows(actual, Ticket)
    assert (row["first_reply_at"], row["solved_at"], row["agent_replies"]) == (None, None, 0)
    assert row["account_source_id"] is None
    assert not rows(actual, SurveyResponse)


def test_seconds_are_finer_than_minutes_and_closing_has_its_time(
    vendor: respx.MockRouter, pages: Pages, rows: Rows
) -> None:
    fine = metrics(reply_time_in_seconds={"calendar": 90}, status_updated_at="2026-11-06T09:00:00Z")
    vendor.get(TICKETS).mock(
        side_effect=[export("tickets", [ticket(status="closed")], "c1", metric_sets=[fine])]
    )
    (row,) = rows(pages("tickets", ALL), Ticket)
    assert row["first_reply_at"] == datetime(2026, 11, 1, 8, 1, 30, tzinfo=UTC)
    assert row["closed_at"] == datetime(2026, 11, 6, 9, tzinfo=UTC)


@pytest.mark.parametrize(("text", "score"), [("good", 1.0), ("bad", 0.0)])
def test_ratings_are_answers_on_a_scale_of_two(
    vendor: respx.MockRouter, pages: Pages, rows: Rows, text: str, score: float
) -> None:
    raw = ticket(satisfaction_rating={"id": 9, "score": text, "comment": "<b>So</b> 'slow'"})
    vendor.get(TICKETS).mock(side_effect=[export("tickets", [raw], "c", metric_sets=[metrics()])])
    (row,) = rows(pages("tickets", ALL), SurveyResponse)
    assert (row["kind"], row["score"], row["scale_min"], row["scale_max"]) == (
        "csat", score, 0.0, 1.0,
    )  # fmt: skip
    assert row["comment"] == "<b>So</b> 'slow'"
    assert (row["account_source_id"], row["contact_source_id"]) == ("88", "501")
    assert row["answered_at"] == datetime(2026, 11, 2, 9, tzinfo=UTC)


def test_deleted_tickets_are_gone(vendor: respx.MockRouter, pages: Pages, rows: Rows) -> None:
    scrubbed = ticket(7, status="deleted", subject="SCRUBBED")
    vendor.get(TICKETS).mock(side_effect=[export("tickets", [scrubbed, ticket(8)], "c1")])
    (page,) = pages("tickets", ALL)
    assert page.deleted == {Ticket: ["7"]}, "and the host ends their ratings"
    assert [row["source_id"] for row in rows([page], Ticket)] == ["8"]


def test_a_row_that_is_repeated_on_a_page_counts_once_and_the_last_wins(
    vendor: respx.MockRouter, pages: Pages, rows: Rows
) -> None:
    twice = [ticket(1, status="open"), ticket(2), ticket(1, status="solved")]
    vendor.get(TICKETS).mock(side_effect=[export("tickets", twice, "c1")])
    actual = rows(pages("tickets", ALL), Ticket)
    assert [(row["source_id"], row["status"]) for row in actual] == [
        ("1", "solved"), ("2", "solved"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "topic"),
    [("data_export", "data_export"), (["a", "b"], "a"), (None, None), ("", None)],
)
def test_the_topic_may_stand_in_a_field(
    vendor: respx.MockRouter, make_source: Any, rows: Rows, value: Any, topic: str | None
) -> None:
    raw = ticket(custom_fields=[{"id": 1, "value": "x"}, {"id": 3600, "value": value}])
    vendor.get(TICKETS).mock(side_effect=[export("tickets", [raw], "c1")])
    stream = make_source(topic_field_id=3600).streams()[2]
    (row,) = rows(list(stream.read(ALL)), Ticket)
    assert row["topic"] == topic


def test_people_are_contacts_only_while_they_are_end_users(
    vendor: respx.MockRouter, pages: Pages, rows: Rows
) -> None:
    everyone = [
        user(),
        user(502, role="agent"),
        user(503, active=False),
        user(504, organization_id=None, email=None, external_id=""),
    ]
    vendor.get(USERS).mock(side_effect=[export("users", everyone, "c1")])
    (page,) = pages("users", ALL)
    ana, lone = rows([page], SourceContact)
    assert (ana["email"], ana["external_key"], ana["account_source_id"]) == (
        "ana@acme.example", "u-17", "88",
    )  # fmt: skip
    assert (lone["email"], lone["external_key"], lone["account_source_id"]) == (None, None, None)
    (member,) = rows([page], Membership)
    assert (member["contact_source_id"], member["account_source_id"]) == ("501", "88")
    assert member["is_primary"]
    assert page.deleted == {SourceContact: ["502", "503"], Membership: ["502", "503", "504"]}


def test_organizations_go_on_at_the_second_where_a_page_ended(
    vendor: respx.MockRouter, pages: Pages, rows: Rows
) -> None:
    first = {"organizations": [organization()], "end_time": 1_790_000_000, "end_of_stream": False}
    last = {
        "organizations": [organization(), organization(89, deleted_at="2026-11-01T00:00:00Z")],
        "end_time": 1_790_000_500,
        "end_of_stream": True,
    }
    route = vendor.get(ORGANIZATIONS).mock(
        side_effect=[httpx.Response(200, json=first), httpx.Response(200, json=last)]
    )
    since = datetime(2026, 9, 1, tzinfo=UTC)
    actual = pages("organizations", Window(since, UNTIL, backfill=False))
    assert [page.resume for page in actual] == [1_790_000_000, None]
    starts = [call.request.url.params["start_time"] for call in route.calls]
    assert starts == [str(int(since.timestamp())), "1790000000"]
    row = rows(actual, SourceAccount)[0]
    assert (row["domain"], row["extra_domains"]) == ("acme.example", ["acme.test"])
    assert (row["external_key"], row["attributes"]) == ("42", {"plan": "pro", "tags": ["vip"]})
    assert actual[1].deleted == {SourceAccount: ["89"]}


def test_a_bad_row_does_not_spoil_its_page(
    vendor: respx.MockRouter, pages: Pages, rows: Rows
) -> None:
    bad = [None, {"status": "open"}, ticket(5, created_at="yesterday"), ticket(6)]
    vendor.get(TICKETS).mock(side_effect=[export("tickets", bad, "c1")])
    (page,) = pages("tickets", ALL)
    assert [row["source_id"] for row in rows([page], Ticket)] == ["6"]
    assert [(r.record, r.source_id, r.code) for r in page.rejected] == [
        (Ticket, None, "malformed"), (Ticket, None, "malformed"), (Ticket, "5", "malformed"),
    ]  # fmt: skip
    assert page.rejected[2].raw["created_at"] == "yesterday"


def test_a_page_of_html_that_asks_to_wait_is_waited_for(
    vendor: respx.MockRouter, pages: Pages, clock: ManualClock
) -> None:
    refusal = httpx.Response(429, html="<h1>Slow down</h1>", headers={"retry-after": "31"})
    route = vendor.get(TICKETS).mock(side_effect=[refusal, export("tickets", [], "c1")])
    assert len(pages("tickets", ALL)) == 1
    assert route.call_count == 2
    assert sum(clock.slept) >= 31


def test_a_cursor_that_is_refused_says_what_zendesk_says(
    vendor: respx.MockRouter, pages: Pages
) -> None:
    body = {"error": "InvalidValue", "description": "The cursor is not valid"}
    vendor.get(TICKETS).respond(400, json=body, headers={"x-request-id": "zd-1"})
    with pytest.raises(RequestRefused, match="InvalidValue: The cursor is not valid") as caught:
        pages("tickets", Window(None, UNTIL, resume="old"))
    assert caught.value.request_id == "zd-1"


def test_an_answer_without_rows_or_cursor_is_no_empty_export(
    vendor: respx.MockRouter, pages: Pages
) -> None:
    vendor.get(TICKETS).respond(200, json={"message": "ok", "after_cursor": "c"})
    with pytest.raises(Unreachable, match=r"has no 'tickets' \(but message, after_cursor\): ok"):
        pages("tickets", ALL)
    vendor.get(USERS).respond(200, json={"users": [], "end_of_stream": True, "after_cursor": None})
    with pytest.raises(Unreachable, match="without after_cursor"):
        pages("users", ALL)
