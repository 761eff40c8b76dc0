"""What Formbricks answers, in its own shapes, becomes records; parameters are as documented."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import orjson
import pytest
import yaml

from cs_sync import Page, Window
from cs_sync.http import ManualClock, VendorHttp
from cs_sync_formbricks import cs_sync_sources
from cs_sync_schemas import SourceAccount, SourceContact, SurveyResponse

OPENAPI = Path(__file__).parents[3].parent / "shared" / "openapi"
UNTIL = datetime(2026, 11, 20, 9, tzinfo=UTC)
CHANGED = Window(datetime(2026, 11, 19, 8, tzinfo=UTC), UNTIL, backfill=False)

RESPONSE: dict[str, Any] = {
    "id": "cm9r1", "createdAt": "2026-11-19T10:00:00.000Z", "updatedAt": "2026-11-19T10:01:00.000Z",
    "finished": True, "surveyId": "cm9s1", "contactId": "cm9c1", "displayId": None,
    "endingId": "end1", "data": {"nps_q": 9, "why_q": "Good support", "account_id": "42"},
    "variables": {}, "ttc": {"nps_q": 3100}, "meta": {"source": "app"}, "singleUseId": None,
    "contactAttributes": {"userId": "u-17", "email": "ana@acme.example"}, "language": "en",
}  # fmt: skip


def question(id: str, type: str, **fields: Any) -> dict[str, Any]:
    return {"id": id, "type": type, "headline": {"default": f"About {id}?"}, **fields}


QUESTIONS = [
    question("nps_q", "nps"), question("why_q", "openText"),
    question("pick_q", "multipleChoiceMulti"), question("stars_q", "rating", range=7),
    question("csat_q", "csat"), question("ces_q", "ces", range=5),
]  # fmt: skip
SURVEY = {"id": "cm9s1", "name": "Q3", "questions": [], "blocks": [{"elements": QUESTIONS}]}
OLD_SURVEY = {**SURVEY, "questions": QUESTIONS, "blocks": None}

Read = Callable[..., Page]


@pytest.fixture
def requests() -> list[httpx.Request]:
    return []


@pytest.fixture
def read(requests: list[httpx.Request]) -> Read:
    """Read a Formbricks that has this response and survey."""

    def read_responses(response: Any = RESPONSE, survey: Any = SURVEY, **settings: Any) -> Page:
        def answer(request: httpx.Request) -> httpx.Response:
            requests.append(request)
            if "v1" in request.url.path:
                return httpx.Response(200, json={"data": [survey]})
            meta = {"total": 1, "limit": 250, "offset": 0}
            return httpx.Response(200, json={"data": [response], "meta": meta})

        clock, client = ManualClock(), httpx.Client(transport=httpx.MockTransport(answer))
        [kind] = cs_sync_sources()
        http = VendorHttp("formbricks", now=clock.now, sleep=clock.sleep, client=client)
        config = kind.Config.model_validate({"api_key": "-".join("abcdef"), **settings})
        [stream] = kind(config, http).streams()
        [page] = stream.read(CHANGED)
        return page

    return read_responses


def list_rows(page: Page, record: Any) -> list[dict[str, Any]]:
    return [{n: v for n, v in row.items() if n != "raw"} for row in page.records.get(record, ())]


@pytest.mark.parametrize("survey", [SURVEY, OLD_SURVEY])
def test_an_answer_with_who_gave_it(read: Read, survey: Any, requests: list[httpx.Request]) -> None:
    page = read(survey=survey)
    assert list_rows(page, SurveyResponse) == [{
        "source_id": "cm9r1:nps_q", "account_source_id": "42",
        "contact_source_id": "42|u-17|ana@acme.example", "survey": "Q3", "comment": "Good support",
        "answered_at": "2026-11-19T10:00:00.000Z", "updated_at": "2026-11-19T10:01:00.000Z",
        "kind": "nps", "scale_min": 0, "scale_max": 10, "score": 9,
    }]  # fmt: skip
    assert list_rows(page, SourceAccount) == [{"source_id": "42", "external_key": "42"}]
    assert list_rows(page, SourceContact) == [{
        "source_id": "42|u-17|ana@acme.example", "account_source_id": "42",
        "external_key": "u-17", "email": "ana@acme.example",
    }]  # fmt: skip
    assert dict(requests[-1].url.params) == {
        "sortBy": "updatedAt", "order": "asc", "filterDateField": "updatedAt", "limit": "250",
        "startDate": "2026-11-19T08:00:00.000Z",
    }  # fmt: skip


def test_each_scored_question_is_an_answer_on_its_own_scale(read: Read) -> None:
    data = {"nps_q": 0, "stars_q": 6, "csat_q": 4, "ces_q": 2, "pick_q": ["A", "B"]}
    rows = list_rows(read({**RESPONSE, "data": data}, surveys={"stars_q": "ces"}), SurveyResponse)
    assert [(r["kind"], r["score"], r["scale_min"], r["scale_max"]) for r in rows] == [
        ("nps", 0, 0, 10), ("ces", 6, 1, 7), ("csat", 4, 1, 5), ("ces", 2, 1, 5),
    ]  # fmt: skip
    assert {row["comment"] for row in rows} == {"A, B"}


@pytest.mark.parametrize(
    ("fields", "scores"),
    [
        ({"data": {"why_q": "Slow"}, "finished": True}, [None]),
        ({"data": {"nps_q": 7}, "finished": False}, [7]),
        ({"data": {}, "finished": False}, []),
    ],
)
def test_words_alone_are_an_answer_and_what_was_never_begun_is_none(
    read: Read, fields: Any, scores: Any
) -> None:
    rows = list_rows(read({**RESPONSE, **fields}), SurveyResponse)
    assert [row["score"] for row in rows] == scores


def test_what_cannot_be_read_is_rejected(read: Read) -> None:
    [unknown] = read({**RESPONSE, "surveyId": "x"}).rejected
    assert (unknown.source_id, unknown.code) == (None, "unknown_survey")
    survey = {**SURVEY, "blocks": [{"elements": [question("nps_q", "rating")]}]}
    [unscaled] = read(survey=survey).rejected
    assert (unscaled.source_id, unscaled.code) == ("cm9r1:nps_q", "unknown_scale")


@pytest.mark.slow("reads a whole description")
def test_responses_are_asked_for_and_shaped_as_formbricks_publishes(
    read: Read, requests: list[httpx.Request]
) -> None:
    published = OPENAPI / "formbricks-v2.yaml"
    if not published.exists():
        pytest.skip("Formbricks' description is not here")
    described = yaml.load(published.read_text("utf-8"), yaml.CSafeLoader)["paths"]
    operation = described["/management/responses"]["get"]
    read()
    asked, known = requests[-1].url.params, {each["name"]: each for each in operation["parameters"]}
    assert {*asked, "skip"} <= set(known)
    for name in ("sortBy", "order", "filterDateField"):
        assert asked[name] in known[name]["schema"]["enum"]
    body = operation["responses"]["200"]["content"]["application/json"]["schema"]["properties"]
    assert set(RESPONSE) <= set(body["data"]["items"]["properties"])
    jsonschema.validate([RESPONSE], body["data"])
    assert {"total", "offset"} <= set(body["meta"]["properties"])


@pytest.mark.slow("reads a whole description")
def test_surveys_are_shaped_as_formbricks_shows_them() -> None:
    published = OPENAPI / "formbricks-v1.json"
    if not published.exists():
        pytest.skip("Formbricks' description is not here")
    described = orjson.loads(published.read_bytes())["paths"]["/api/v1/management/surveys"]["get"]
    [shown, *_] = described["responses"]["200"]["content"]["application/json"]["example"]["data"]
    assert set(SURVEY) <= set(shown)
    for questions in (shown["questions"], shown["blocks"][0]["elements"]):
        assert set(question("q", "openText")) <= set(questions[0])
