"""What Freshdesk answers, in its own shapes, becomes records; its parameters are the documented."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from cs_sync import Page, Window
from cs_sync.http import ManualClock, VendorHttp
from cs_sync_freshdesk import cs_sync_sources
from cs_sync_schemas import Membership, SourceAccount, SourceContact, SurveyResponse, Ticket

UNTIL = datetime(2026, 11, 20, 9, tzinfo=UTC)
ALL = Window(None, UNTIL)
CHANGED = Window(datetime(2026, 11, 19, 8, tzinfo=UTC), UNTIL, backfill=False)

COMPANY = {
    "id": 8, "name": "SuperNova", "description": "Spaceship Manufacturing Company", "note": None,
    "domains": ["supernova.example", "nova.example"], "health_score": "Happy",
    "account_tier": "Premium", "renewal_date": "2026-12-31T00:00:00Z", "industry": None,
    "custom_fields": {"website": "https://www.supernova.example", "seats": 40},
    "created_at": "2026-01-12T08:35:06Z", "updated_at": "2026-11-18T08:35:06Z",
}  # fmt: skip
CONTACT = {
    "id": 432, "active": False, "company_id": 8, "name": "Rachel", "job_title": "Pilot",
    "email": "rachel@supernova.example", "other_emails": ["lex@supernova.example"],
    "other_companies": [{"company_id": 25, "view_all_tickets": True}], "unique_external_id": "u-17",
    "created_at": "2026-01-12T08:35:06Z", "updated_at": "2026-11-18T08:35:06Z",
}  # fmt: skip
TICKET = {
    "id": 20, "subject": "Not able to login", "status": 4, "priority": 3, "source": 2,
    "type": "Problem", "tags": ["login"], "requester_id": 432, "company_id": 8, "spam": False,
    "created_at": "2026-11-14T08:26:05Z", "updated_at": "2026-11-18T11:00:00Z",
    "stats": {
        "first_responded_at": "2026-11-14T09:00:00Z", "resolved_at": "2026-11-17T11:00:00Z",
        "closed_at": None, "reopened_at": None, "status_updated_at": "2026-11-17T11:00:00Z",
    },
}  # fmt: skip
RATING = {
    "id": 4, "survey_id": 2, "user_id": 432, "agent_id": 1, "feedback": "Quick", "group_id": None,
    "ticket_id": 20, "ratings": {"default_question": 103, "question_3": -103},
    "created_at": "2026-11-18T12:00:00Z", "updated_at": "2026-11-18T12:00:00Z",
}  # fmt: skip

Read = Callable[..., list[Page]]


@pytest.fixture
def requests() -> list[httpx.Request]:
    return []


@pytest.fixture
def read(requests: list[httpx.Request]) -> Read:
    """Read a stream of a Freshdesk that answers its lists with these objects."""

    def read_stream(name: str, *answers: list[Any], window: Window = ALL) -> list[Page]:
        given = iter([*answers, *[[]] * 9])

        def answer(request: httpx.Request) -> httpx.Response:
            requests.append(request)
            return httpx.Response(200, json=next(given))

        clock, client = ManualClock(), httpx.Client(transport=httpx.MockTransport(answer))
        [kind] = cs_sync_sources()
        settings = {"base_url": "https://acme.freshdesk.com/", "api_key": "-".join("abcdef")}
        http = VendorHttp("freshdesk", now=clock.now, sleep=clock.sleep, client=client)
        source = kind(kind.Config.model_validate(settings), http)
        [stream] = [stream for stream in source.streams() if stream.name == name]
        return list(stream.read(window))

    return read_stream


def only_row(page: Page, record: Any) -> dict[str, Any]:
    [row] = page.records[record]
    return {name: value for name, value in row.items() if name != "raw"}


def test_a_company(read: Read) -> None:
    [page] = read("companies", [COMPANY])
    assert only_row(page, SourceAccount) == {
        "source_id": "8",
        "name": "SuperNova",
        "domain": "supernova.example",
        "extra_domains": ["nova.example"],
        "attributes": {
            "health_score": "Happy", "account_tier": "Premium",
            "website": "https://www.supernova.example", "seats": 40,
        },
        "created_at": datetime(2026, 1, 12, 8, 35, 6, tzinfo=UTC),
        "updated_at": datetime(2026, 11, 18, 8, 35, 6, tzinfo=UTC),
        "url": "https://acme.freshdesk.com/a/companies/8",
    }  # fmt: skip


def test_a_contact_and_the_companies_it_belongs_to(read: Read) -> None:
    page, _ = read("contacts", [CONTACT, {**CONTACT, "id": 433, "company_id": None}])
    contact = page.records[SourceContact][0]
    assert (contact["account_source_id"], contact["external_key"]) == ("8", "u-17")
    assert contact["extra_emails"] == ["lex@supernova.example"]
    assert [
        (row["source_id"], row["account_source_id"], row["is_primary"])
        for row in page.records[Membership]
    ] == [("432:8", "8", True), ("432:25", "25", False), ("433:25", "25", False)]


def test_deleted_contacts_have_a_list_of_their_own(
    read: Read, requests: list[httpx.Request]
) -> None:
    _, gone = read("contacts", [], [{**CONTACT, "id": 9}], window=CHANGED)
    assert gone.deleted == {SourceContact: ["9"]}
    assert [dict(request.url.params) for request in requests] == [
        {"_updated_since": "2026-11-19T08:00:00Z", "per_page": "100"},
        {"state": "deleted", "per_page": "100"},
    ]


def test_a_ticket(read: Read) -> None:
    page, *_ = read("tickets", [TICKET])
    assert only_row(page, Ticket) == {
        "source_id": "20", "account_source_id": "8", "contact_source_id": "432",
        "subject": "Not able to login", "topic": "Problem", "tags": ["login"],
        "channel": "portal", "priority": "high", "status": "solved",
        "opened_at": datetime(2026, 11, 14, 8, 26, 5, tzinfo=UTC),
        "first_reply_at": datetime(2026, 11, 14, 9, tzinfo=UTC),
        "solved_at": datetime(2026, 11, 17, 11, tzinfo=UTC),
        "updated_at": datetime(2026, 11, 18, 11, tzinfo=UTC),
        "url": "https://acme.freshdesk.com/a/tickets/20",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "ours"), [(2, "open"), (3, "pending"), (4, "solved"), (5, "closed"), (6, "open")]
)
def test_statuses_that_a_company_adds_are_open(read: Read, status: int, ours: str) -> None:
    page, *_ = read("tickets", [{**TICKET, "status": status}])
    assert only_row(page, Ticket)["status"] == ours


def test_tickets_go_by_time_and_the_trash_and_spam_are_read(
    read: Read, requests: list[httpx.Request]
) -> None:
    _, trash, spam = read("tickets", [], [{"id": 7}], [{"id": 8}], window=CHANGED)
    assert (trash.deleted, spam.deleted) == ({Ticket: ["7"]}, {Ticket: ["8"]})
    first, *others = [dict(request.url.params) for request in requests]
    assert first == {
        "order_by": "updated_at", "order_type": "asc", "include": "stats",
        "updated_since": "2026-11-19T08:00:00Z", "per_page": "100",
    }  # fmt: skip
    assert [params["filter"] for params in others] == ["deleted", "spam"]


@pytest.mark.parametrize(("value", "score"), [(103, 7), (100, 4), (-103, 1), (None, None)])
def test_ratings_are_on_a_scale_of_seven(read: Read, value: int | None, score: int | None) -> None:
    [page] = read("ratings", [{**RATING, "ratings": {"default_question": value}}])
    row = only_row(page, SurveyResponse)
    assert (row.get("score"), row["scale_min"], row["scale_max"]) == (score, 1, 7)
    assert (row["kind"], row["contact_source_id"], row["comment"]) == ("csat", "432", "Quick")


def test_an_unknown_rating_is_rejected_with_its_value(read: Read) -> None:
    [page] = read("ratings", [{**RATING, "ratings": {"default_question": 5}}])
    [rejection] = page.rejected
    assert (rejection.source_id, rejection.code) == ("4", "unknown_value")
    assert "score: 5 is not in its map" in rejection.reason
