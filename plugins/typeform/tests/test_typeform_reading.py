"""What Typeform answers, in its own shapes, becomes answers on their scales, and who gave them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from cs_sync import Page, Window
from cs_sync.http import ManualClock, VendorHttp
from cs_sync.store.records.validate import validate_rows
from cs_sync_schemas import SourceAccount, SourceContact, SurveyResponse
from cs_sync_typeform import cs_sync_sources

UNTIL = datetime(2026, 11, 20, 9, tzinfo=UTC)
ALL = Window(None, UNTIL)
Json = dict[str, Any]

FORM: Json = {
    "id": "AbC", "title": "Product survey", "type": "quiz", "hidden": ["user_id", "account_id"],
    "fields": [
        {"id": "f1", "ref": "nps", "title": "Recommend us?", "type": "nps", "properties": {}},
        {"id": "f2", "ref": "why", "title": "Why?", "type": "long_text", "properties": {}},
        {"id": "g", "ref": "more", "type": "group", "properties": {"fields": [
            {"id": "f3", "ref": "ease", "title": "How easy?", "type": "opinion_scale",
             "properties": {"steps": 7, "start_at_one": True}},
            {"id": "f4", "ref": "zero", "title": "Zero?", "type": "opinion_scale",
             "properties": {"steps": 11, "start_at_one": False}},
            {"id": "f5", "ref": "stars", "title": "Stars?", "type": "rating",
             "properties": {"steps": 5, "shape": "star"}},
        ]}},
        {"id": "f6", "ref": "plan", "title": "Plan?", "type": "multiple_choice", "properties": {}},
    ],
}  # fmt: skip


def answer_number(id: str, type: str, number: int) -> Json:
    return {"field": {"id": id, "ref": id, "type": type}, "type": "number", "number": number}


RESPONSE: Json = {
    "response_id": "tok1", "token": "tok1", "landing_id": "tok1",
    "landed_at": "2026-11-18T09:59:00Z", "submitted_at": "2026-11-18T10:00:00Z",
    "metadata": {"platform": "other", "network_id": "x"},
    "hidden": {"user_id": "u-17", "account_id": "42"}, "calculated": {"score": 0},
    "answers": [
        answer_number("f1", "nps", 9),
        {"field": {"id": "f2", "ref": "why", "type": "long_text"}, "type": "text", "text": "Fast"},
        {"field": {"id": "f6", "ref": "plan", "type": "multiple_choice"}, "type": "choice",
         "choice": {"id": "c1", "ref": "r1", "label": "Pro"}},
        {"field": {"id": "f7", "ref": "mail", "type": "email"}, "type": "email",
         "email": "ana@acme.example"},
    ],
}  # fmt: skip

Read = Callable[..., list[Page]]


@pytest.fixture
def requests() -> list[httpx.Request]:
    return []


@pytest.fixture
def read(requests: list[httpx.Request]) -> Read:
    """Read the answers to one form with these responses, newest first, two a page."""

    def read_responses(
        *responses: Json, form: Json = FORM, window: Window = ALL, **settings: Any
    ) -> list[Page]:
        def answer(request: httpx.Request) -> httpx.Response:
            requests.append(request)
            if request.url.path == "/forms":
                body: Json = {"items": [{"id": form["id"]}], "page_count": 1, "total_items": 1}
                return httpx.Response(200, json=body)
            if request.url.path == f"/forms/{form['id']}":
                return httpx.Response(200, json=form)
            before = request.url.params.get("before")
            tokens = [response["token"] for response in responses]
            left = responses[tokens.index(before) + 1 if before else 0 :]
            counts = {"total_items": len(left), "page_count": -(-len(left) // 2)}
            return httpx.Response(200, json={**counts, "items": left[:2]})

        clock, client = ManualClock(), httpx.Client(transport=httpx.MockTransport(answer))
        [kind] = cs_sync_sources()
        config = kind.Config.model_validate({"access_token": "-".join("tfp_abc"), **settings})
        http = VendorHttp("typeform", now=clock.now, sleep=clock.sleep, client=client)
        [stream] = kind(config, http).streams()
        return list(stream.read(window))

    return read_responses


def list_answers(pages: list[Page]) -> list[dict[str, Any]]:
    """Return the answers of all pages; the store takes each of them."""
    rows = [dict(row) for page in pages for row in page.records.get(SurveyResponse, ())]
    stored, refused = validate_rows(SurveyResponse, rows)
    assert refused == []
    return stored


def test_an_nps_answer_with_its_words(read: Read) -> None:
    [page] = read(RESPONSE)
    [answer] = list_answers([page])
    assert answer["source_id"] == "AbC:tok1:f1"
    assert (answer["kind"], answer["score"]) == ("nps", 9)
    assert (answer["scale_min"], answer["scale_max"]) == (0, 10)
    assert (answer["survey"], answer["comment"]) == ("Product survey", "Fast\nPro")
    assert answer["answered_at"] == datetime(2026, 11, 18, 10, tzinfo=UTC)


def test_who_answered(read: Read) -> None:
    [page] = read(RESPONSE)
    [answer] = list_answers([page])
    assert page.records[SourceAccount] == [{"source_id": "42", "external_key": "42"}]
    assert page.records[SourceContact] == [{
        "source_id": "42|u-17|ana@acme.example", "account_source_id": "42",
        "external_key": "u-17", "email": "ana@acme.example",
    }]  # fmt: skip
    assert answer["account_source_id"] == "42"
    assert answer["contact_source_id"] == "42|u-17|ana@acme.example"


def test_an_anonymous_answer_belongs_to_nobody(read: Read) -> None:
    [page] = read({**RESPONSE, "hidden": {}, "answers": RESPONSE["answers"][:1]})
    [answer] = list_answers([page])
    assert (answer["account_source_id"], answer["contact_source_id"]) == (None, None)
    assert page.records.keys() == {SurveyResponse}


@pytest.mark.parametrize(
    ("field", "type", "scale"),
    [("f3", "opinion_scale", (1, 7)), ("f4", "opinion_scale", (0, 10)), ("f5", "rating", (1, 5))],
)
def test_scales_are_those_of_the_question_in_its_group(
    read: Read, field: str, type: str, scale: tuple[int, int]
) -> None:
    pages = read({**RESPONSE, "answers": [answer_number(field, type, 4)]})
    [answer] = list_answers(pages)
    assert (answer["scale_min"], answer["scale_max"]) == scale
    assert (answer["kind"], answer["score"]) == ("custom", 4)


@pytest.mark.parametrize("name", ["AbC", "Product survey", "f5", "stars", "Stars?"])
def test_what_a_question_measures_is_configured(read: Read, name: str) -> None:
    response = {**RESPONSE, "answers": [answer_number("f5", "rating", 5)]}
    [answer] = list_answers(read(response, surveys={name: "csat"}))
    assert answer["kind"] == "csat"


def test_each_scored_question_is_an_answer(read: Read) -> None:
    both = [answer_number("f1", "nps", 9), answer_number("f5", "rating", 5)]
    answers = list_answers(read({**RESPONSE, "answers": both}))
    assert [answer["source_id"] for answer in answers] == ["AbC:tok1:f1", "AbC:tok1:f5"]


def test_words_alone_are_an_answer_and_a_form_without_scores_is_no_survey(read: Read) -> None:
    words = {**RESPONSE, "answers": RESPONSE["answers"][1:2]}
    [answer] = list_answers(read(words))
    assert (answer["source_id"], answer["score"], answer["comment"]) == (
        "AbC:tok1:f1",
        None,
        "Fast",
    )
    contact_form = {**FORM, "fields": FORM["fields"][1:2]}
    assert list_answers(read(words, form=contact_form)) == []


def test_a_question_that_was_deleted_has_no_scale_any_more(read: Read) -> None:
    answers = [answer_number("f1", "nps", 9), answer_number("f9", "opinion_scale", 3)]
    [page] = read({**RESPONSE, "answers": answers})
    assert len(list_answers([page])) == 1
    [rejection] = page.rejected
    assert (rejection.source_id, rejection.code) == ("AbC:tok1:f9", "unknown_scale")


def test_pages_go_by_token_until_none_is_left(read: Read, requests: list[httpx.Request]) -> None:
    responses = [{**RESPONSE, "token": f"tok{number}"} for number in (5, 4, 3, 2, 1)]
    since = datetime(2026, 11, 19, tzinfo=UTC)
    pages = read(*responses, window=Window(since, UNTIL, backfill=False))
    assert len(list_answers(pages)) == 5
    asked = [dict(r.url.params) for r in requests if r.url.path.endswith("/responses")]
    edges = {"since": "1795046400", "until": "1795165200", "page_size": "1000"}
    assert asked == [edges, {**edges, "before": "tok4"}, {**edges, "before": "tok2"}]
