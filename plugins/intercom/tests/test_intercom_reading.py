"""What Intercom answers, in its own shapes, becomes records; its searches are the documented."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import orjson
import pytest
import yaml

from cs_sync import Page, Unreachable, Window
from cs_sync.http import ManualClock, VendorHttp
from cs_sync_intercom import cs_sync_sources
from cs_sync_schemas import Membership, Owner, SourceAccount, SourceContact, SurveyResponse, Ticket

UNTIL = datetime(2026, 11, 20, 9, tzinfo=UTC)
ALL = Window(None, UNTIL)
CHANGED = Window(datetime(2026, 11, 17, 8, tzinfo=UTC), UNTIL, backfill=False)
OPENAPI = Path(__file__).parents[3].parent / "shared" / "openapi" / "intercom-2.16.yaml"
PAGES = {"type": "pages", "page": 1, "per_page": 150, "total_pages": 1}

ADMIN = {
    "type": "admin", "id": "814", "name": "Hoban", "email": "hoban@us.example", "team_ids": [1],
}  # fmt: skip
COMPANY = {
    "type": "company", "id": "5f1", "app_id": "ecahpwf5", "company_id": "42", "name": "Acme GmbH",
    "plan": {"type": "plan", "id": "1", "name": "Pro"}, "monthly_spend": 588, "session_count": 830,
    "user_count": 12, "size": 85, "industry": None, "website": "https://www.acme.example/en",
    "created_at": 1767300000, "updated_at": 1793400000, "custom_attributes": {"tier": "gold"},
}  # fmt: skip
CONTACT = {
    "type": "contact", "id": "66f0", "external_id": "u-17", "role": "user", "name": "Ana Lopez",
    "email": "ana@acme.example", "created_at": 1767300000, "updated_at": 1793500000,
    "companies": {
        "data": [{"id": "5f1", "type": "company", "url": "/companies/5f1"}],
        "total_count": 1, "has_more": False,
    },
}  # fmt: skip
CONVERSATION = {
    "type": "conversation", "id": "2150", "title": "", "created_at": 1793500000,
    "updated_at": 1793590000, "open": False, "state": "closed", "priority": "medium",
    "tags": {"type": "tag.list", "tags": [{"type": "tag", "id": "17", "name": "billing"}]},
    "source": {"type": "conversation", "id": "403", "subject": "Invoice?", "body": "<p>I</p>"},
    "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": "66f0"}]},
    "conversation_rating": {
        "rating": 4, "remark": "ok", "created_at": 1793580000, "updated_at": 1793580060,
        "contact": {"type": "contact", "id": "66f0"}, "teammate": {"type": "admin", "id": "814"},
    },
    "statistics": {
        "type": "conversation_statistics", "first_admin_reply_at": 1793500900,
        "last_close_at": 1793590000, "count_reopens": 1, "count_assignments": 2,
        "count_conversation_parts": 5,
    },
}  # fmt: skip
PARTS = [
    {"type": "conversation_part", "id": str(number), "part_type": kind, "author": {"type": author}}
    for number, (kind, author) in enumerate([
        ("comment", "admin"), ("comment", "user"), ("note", "admin"), ("comment", "bot"),
        ("comment", "admin"),
    ])
]  # fmt: skip

Read = Callable[..., list[Page]]


@pytest.fixture
def requests() -> list[httpx.Request]:
    return []


@pytest.fixture
def read(requests: list[httpx.Request]) -> Read:
    """Read a stream of an Intercom that gives these answers in turn."""

    def read_stream(name: str, *answers: Any, window: Window = ALL) -> list[Page]:
        given = iter(answers)

        def answer(request: httpx.Request) -> httpx.Response:
            requests.append(request)
            answer = next(given)
            return (
                answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)
            )

        clock, client = ManualClock(), httpx.Client(transport=httpx.MockTransport(answer))
        [kind] = cs_sync_sources()
        http = VendorHttp("intercom", now=clock.now, sleep=clock.sleep, client=client)
        source = kind(kind.Config.model_validate({"access_token": "-".join("abcdef")}), http)
        [stream] = [stream for stream in source.streams() if stream.name == name]
        return list(stream.read(window))

    return read_stream


def only_row(page: Page, record: Any) -> dict[str, Any]:
    [row] = page.records[record]
    return {name: value for name, value in row.items() if name != "raw"}


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def test_an_admin_is_an_owner(read: Read, requests: list[httpx.Request]) -> None:
    [page] = read("admins", {"type": "admin.list", "admins": [ADMIN]})
    assert only_row(page, Owner) == {
        "source_id": "814", "name": "Hoban", "email": "hoban@us.example",
    }  # fmt: skip
    assert requests[0].headers["intercom-version"] == "2.16"


def test_a_company(read: Read) -> None:
    [page] = read("companies", {"data": [COMPANY], "scroll_param": "s"}, {"data": []})
    assert only_row(page, SourceAccount) == {
        "source_id": "5f1", "external_key": "42", "name": "Acme GmbH",
        "domain": "www.acme.example",
        "attributes": {
            "plan": "Pro", "size": 85, "user_count": 12, "session_count": 830,
            "monthly_spend": 588, "tier": "gold",
        },
        "created_at": at(1767300000), "updated_at": at(1793400000),
        "url": "https://app.intercom.com/apps/ecahpwf5/companies/5f1",
    }  # fmt: skip
    assert page.resume is None


@pytest.mark.parametrize(
    ("last", "message"),
    [
        ({"data": [], "total_count": 2}, "1 of 2 were shown"),
        ({"data": [COMPANY], "scroll_param": "s"}, "same page twice"),
        ({"data": [{**COMPANY, "id": "5f2"}]}, "gives no cursor"),
    ],
)
def test_a_scroll_that_passed_something_over_is_not_complete(
    read: Read, last: Any, message: str
) -> None:
    with pytest.raises(Unreachable, match=message):
        read("companies", {"data": [COMPANY], "scroll_param": "s"}, last)


def test_a_scroll_of_another_program_is_waited_for(read: Read) -> None:
    errors = {"type": "error.list", "errors": [{"code": "scroll_exists", "message": "scroll"}]}
    pages = read(
        "companies",
        httpx.Response(400, json=errors), {"data": [COMPANY], "scroll_param": "s"}, {"data": []},
    )  # fmt: skip
    assert len(pages) == 1


@pytest.mark.parametrize("lost", [httpx.Response(502), httpx.Response(200, text='{"data": [{"i')])
def test_a_scroll_that_lost_an_answer_begins_anew(
    read: Read, requests: list[httpx.Request], lost: httpx.Response
) -> None:
    """Asked again, Intercom answers with the page after the lost one."""
    first = {"data": [COMPANY], "scroll_param": "s"}
    second = {"data": [{**COMPANY, "id": "5f2"}], "scroll_param": "t"}
    [page] = read("companies", first, lost, {"data": []}, first, second, {"data": []})
    assert [row["source_id"] for row in page.records[SourceAccount]] == ["5f1", "5f2"]
    scrolls = [request.url.params.get("scroll_param") for request in requests]
    assert scrolls == [None, "s", "s", None, "s", "t"]


def test_scrolls_that_lose_answers_again_and_again_are_not_complete(read: Read) -> None:
    scroll: tuple[Any, ...] = (
        {"data": [COMPANY], "scroll_param": "s"},
        httpx.Response(502),
        {"data": []},
    )
    with pytest.raises(Unreachable, match="5 scrolls lost an answer each"):
        read("companies", *(scroll * 5))


def test_contacts_are_searched_by_day_and_belong_to_companies(
    read: Read, requests: list[httpx.Request]
) -> None:
    [page] = read("contacts", {"data": [CONTACT], "pages": PAGES}, window=CHANGED)
    assert only_row(page, SourceContact) == {
        "source_id": "66f0", "account_source_id": "5f1", "external_key": "u-17",
        "email": "ana@acme.example", "name": "Ana Lopez",
        "created_at": at(1767300000), "updated_at": at(1793500000),
    }  # fmt: skip
    assert only_row(page, Membership) == {
        "source_id": "66f0:5f1", "contact_source_id": "66f0", "account_source_id": "5f1",
        "is_primary": True,
    }  # fmt: skip
    assert orjson.loads(requests[0].content) == {
        "query": {"field": "updated_at", "operator": ">", "value": 1794902400},
        "sort": {"field": "updated_at", "order": "ascending"}, "pagination": {"per_page": 150},
    }  # fmt: skip


def test_more_than_ten_companies_of_a_contact_are_asked_for(read: Read) -> None:
    more = {**CONTACT, "companies": {**CONTACT["companies"], "has_more": True}}  # type: ignore[dict-item]
    attached = {"type": "list", "companies": [{"id": f"c{n}"} for n in range(12)]}
    [page] = read("contacts", {"data": [more], "pages": PAGES}, attached)
    assert [row["account_source_id"] for row in page.records[Membership]] == [
        f"c{n}" for n in range(12)
    ]


def conversation_list(**fields: Any) -> dict[str, Any]:
    return {"conversations": [{**CONVERSATION, **fields}], "pages": PAGES}


WHOLE = {**CONVERSATION, "conversation_parts": {"conversation_parts": PARTS, "total_count": 5}}
NONE_DELETED = {"conversations": [], "pages": {"page": 1, "total_pages": 1}}


def test_a_conversation_is_a_ticket_whose_public_replies_are_counted(read: Read) -> None:
    page, _ = read("conversations", conversation_list(), WHOLE, NONE_DELETED)
    assert only_row(page, Ticket) == {
        "source_id": "2150", "contact_source_id": "66f0", "subject": "Invoice?",
        "topic": "billing", "tags": ["billing"], "channel": "conversation", "priority": "medium",
        "status": "solved", "opened_at": at(1793500000), "first_reply_at": at(1793500900),
        "solved_at": at(1793590000), "agent_replies": 2, "reopens": 1, "transfers": 1,
        "updated_at": at(1793590000),
    }  # fmt: skip
    assert only_row(page, SurveyResponse) == {
        "source_id": "2150", "contact_source_id": "66f0", "kind": "csat",
        "survey": "Intercom conversation rating", "score": 4, "scale_min": 1, "scale_max": 5,
        "comment": "ok", "answered_at": at(1793580060),
    }  # fmt: skip


def test_nobody_replied_is_known_without_asking(read: Read, requests: list[httpx.Request]) -> None:
    open_one = conversation_list(state="open", statistics=None, conversation_rating=None)
    page, _ = read("conversations", open_one, NONE_DELETED)
    row = only_row(page, Ticket)
    assert (row["status"], row["agent_replies"], row.get("solved_at")) == ("open", 0, None)
    assert SurveyResponse not in page.records
    assert len(requests) == 2


def test_a_rating_that_was_asked_for_and_not_given_is_none(read: Read) -> None:
    asked = conversation_list(conversation_rating={"rating": None, "created_at": 1793580000})
    page, _ = read("conversations", asked, WHOLE, NONE_DELETED)
    assert SurveyResponse not in page.records


def test_deleted_conversations_have_a_list(read: Read) -> None:
    gone = {**NONE_DELETED, "conversations": [{"type": "conversation", "id": "512"}]}
    empty = {"conversations": [], "pages": PAGES}
    _, page = read("conversations", empty, gone, window=CHANGED)
    assert page.deleted == {Ticket: ["512"]}


@pytest.mark.slow("reads a whole description")
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("admin", ADMIN), ("company", COMPANY), ("contact", CONTACT),
        ("conversation_list_item", CONVERSATION), ("conversation", WHOLE),
    ],
)  # fmt: skip
def test_these_shapes_are_those_that_intercom_publishes(name: str, shown: Any) -> None:
    if not OPENAPI.exists():
        pytest.skip("Intercom's description is not here")
    text = OPENAPI.read_text("utf-8").replace("#/components/schemas/", "#/definitions/")
    schemas = yaml.load(text, yaml.CSafeLoader)["components"]["schemas"]
    assert set(shown) <= set(schemas[name]["properties"])
    jsonschema.validate(
        drop_nulls(shown), {"$ref": f"#/definitions/{name}", "definitions": schemas}
    )


def drop_nulls(value: Any) -> Any:
    """OpenAPI 3.0 says `nullable` beside the type, which JSON Schema does not know."""
    if isinstance(value, dict):
        return {name: drop_nulls(part) for name, part in value.items() if part is not None}
    return [drop_nulls(part) for part in value] if isinstance(value, list) else value
