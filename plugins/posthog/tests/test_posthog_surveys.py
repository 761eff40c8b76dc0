"""Survey answers: partial ones, several ratings, older SDKs, scales, hidden and deleted."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest

from cs_sync import Page, Window
from cs_sync_posthog.config import SurveyScale
from cs_sync_posthog.surveys import answer_page, survey_of
from cs_sync_schemas import SurveyResponse

UNTIL = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
AT = int(datetime(2026, 11, 20, 9, 30, tzinfo=UTC).timestamp())


def rating(id: str = "q1", scale: int = 10, **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "rating", "question": f"Question {id}", "scale": scale, **more}


def words(id: str = "q2", kind: str = "open") -> dict[str, Any]:
    return {"id": id, "type": kind, "question": "Why?"}


def definition(*questions: dict[str, Any], **more: Any) -> dict[str, Any]:
    shared = {"id": "s", "name": "In-app", "created_at": "2025-03-01T09:00:00Z"}
    return {**shared, "questions": list(questions), **more}


def sent(answers: dict[str, Any], submission: str = "sub1") -> list[Any]:
    packed = orjson.dumps({"$survey_id": "s", **answers}).decode()
    return [submission, "acct_42", "u-17", packed, AT]


def page(answers: dict[str, Any], *questions: dict[str, Any], **scales: str) -> Page:
    configured = {name: SurveyScale.model_validate(kind) for name, kind in scales.items()}
    survey = survey_of(definition(*questions), configured)
    return answer_page([sent(answers)], {"s": survey})


def only(actual: Page) -> dict[str, Any]:
    (row,) = actual.records[SurveyResponse]
    return dict(row)


def test_an_answer_becomes_a_response_on_its_own_scale() -> None:
    answers = {"$survey_response_q1": "9", "$survey_response_q2": "Great exports"}
    row = only(page(answers, rating(isNpsQuestion=True), words()))
    assert row.pop("raw")["$survey_response_q1"] == "9"
    assert row == {
        "source_id": "sub1",
        "account_source_id": "acct_42",
        "contact_source_id": "u-17",
        "kind": "nps",
        "survey": "In-app",
        "score": 9.0,
        "scale_min": 0,
        "scale_max": 10,
        "higher_is_better": True,
        "comment": "Great exports",
        "answered_at": datetime(2026, 11, 20, 9, 30, tzinfo=UTC),
    }


@pytest.mark.parametrize(
    ("question", "configured", "kind", "scale", "better"),
    [
        (rating(), {}, "nps", (0, 10), True),
        (rating(isNpsQuestion=False), {}, "custom", (0, 10), True),
        (rating(scale=5), {}, "custom", (1, 5), True),
        (rating(scale=5), {"In-app": "csat"}, "csat", (1, 5), True),
        (rating(scale=7), {"s": "ces"}, "ces", (1, 7), True),
        (rating(scale=7), {"q1": "ces", "s": "csat"}, "ces", (1, 7), True),
        (rating(scale=7), {"Question q1": "ces"}, "ces", (1, 7), True),
        (rating(scale=2), {}, "custom", (1, 2), False),
        (rating(scale=2), {"s": {"kind": "csat", "higher_is_better": True}}, "csat", (1, 2), True),
    ],
)
def test_only_nps_is_known_by_itself(
    question: dict[str, Any],
    configured: dict[str, Any],
    kind: str,
    scale: tuple[int, int],
    better: bool,
) -> None:
    row = only(page({"$survey_response_q1": "2"}, question, **configured))
    assert (row["kind"], row["higher_is_better"]) == (kind, better)
    assert (row["scale_min"], row["scale_max"]) == scale


def test_older_sdks_name_answers_by_place() -> None:
    row = only(page({"$survey_response": 4, "$survey_response_1": "Fine"}, rating(), words()))
    assert (row["score"], row["comment"]) == (4.0, "Fine")


def test_each_rating_is_a_response_and_the_first_keeps_the_submission() -> None:
    answers = {"$survey_response_q1": "9", "$survey_response_q3": "4"}
    rows = page(answers, rating(), rating("q3", scale=5)).records[SurveyResponse]
    actual = [(row["source_id"], row["score"], row["scale_max"]) for row in rows]
    assert actual == [("sub1", 9.0, 10), ("sub1|q3", 4.0, 5)]


def test_words_without_a_rating_are_kept() -> None:
    answers = {"$survey_response_q1": "More exports", "$survey_response_q2": ["API", "SSO"]}
    row = only(page(answers, words("q1"), words("q2", "multiple_choice")))
    assert (row["kind"], row["comment"]) == ("custom", "More exports\nAPI, SSO")
    assert "score" not in row


def test_an_unanswered_rating_has_no_score() -> None:
    assert only(page({"$survey_response_q2": "Later"}, rating(), words()))["score"] is None


def test_what_cannot_be_read_is_rejected() -> None:
    (bad,) = page({"$survey_response_q1": "nine"}, rating()).rejected
    assert (bad.source_id, bad.code) == ("sub1", "bad_value")
    assert "'nine'" in bad.reason
    (lost,) = page({"$survey_id": "gone", "$survey_name": "Old"}, rating()).rejected
    assert (lost.source_id, lost.code) == ("sub1", "unknown_survey")
    assert "'Old' is deleted" in lost.reason


def test_the_stream_reads_definitions_hidden_answers_and_submissions(
    project: Any, read: Callable[..., list[Page]]
) -> None:
    listed = {"results": [definition(rating(), rating("q3", scale=5))], "next": None}
    project.gives("surveys/", listed)
    project.gives("surveys/s/archived-response-uuids/", ["uuid-1"])
    project.answers([["sub0"]], [sent({"$survey_response_q1": "9"})], [])
    hidden, answers = read("surveys", Window(None, UNTIL))
    assert hidden.deleted == {SurveyResponse: ["sub0", "sub0|q3"]}
    assert project.values(0) == {"uuids": ["uuid-1"]}
    assert [row["source_id"] for row in answers.records[SurveyResponse]] == ["sub1", "sub1|q3"]
    asked = [project.values(call)["from"][:10] for call in (1, 2)]
    assert asked == ["2025-02-28", "2026-02-28"]  # from the oldest survey on, a year at a time


def test_a_project_without_surveys_is_an_empty_page(
    project: Any, read: Callable[..., list[Page]]
) -> None:
    project.gives("surveys/", {"results": [], "next": None})
    project.answers([])
    (page,) = read("surveys", Window(None, UNTIL))
    assert page.records == {SurveyResponse: []}


@pytest.mark.parametrize(("deleted", "calls"), [(None, 3 + 2), ("s0", 3 + 3), ("s4", 2 + 1)])
def test_a_survey_deleted_while_they_are_counted_off_hides_no_other(
    project: Any, read: Callable[..., list[Page]], deleted: str | None, calls: int
) -> None:
    """Five surveys, two a page; one is deleted after the first page, and those behind move up.

    Each page is asked for again once the next is there; if it shows others, all are.
    """
    existing = [f"s{n}" for n in range(5)]
    asked: list[str] = []

    def list_page(request: httpx.Request) -> httpx.Response:
        start = int(request.url.params["offset"])
        more = (
            request.url.copy_set_param("offset", start + 2) if start + 2 < len(existing) else None
        )
        rows = [definition(rating(), id=name) for name in existing[start : start + 2]]
        body = {"count": len(existing), "next": more and str(more), "results": rows}
        if deleted in existing:
            existing.remove(deleted)
        return httpx.Response(200, json=body)

    def hidden(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path.split("/")[-3])
        return httpx.Response(200, json=[])

    listed = project.router.get(f"{project.root}/surveys/").mock(side_effect=list_page)
    project.router.get(path__regex="/archived-response-uuids/").mock(side_effect=hidden)
    project.answers([])
    read("surveys", Window(UNTIL, UNTIL))
    assert asked == existing
    assert listed.call_count == calls


def test_a_question_without_a_scale_is_answered_on_the_configured_one_or_none() -> None:
    """Ten stars may begin at nought or at one: nobody is taken for a detractor by guessing."""
    silent, answers = rating(scale=None), {"$survey_response_q1": "7"}  # type: ignore[arg-type]
    (refused,) = page(answers, silent).rejected
    assert refused.code == "unknown_scale"
    assert '"In-app" = {kind = "custom", scale = [1, 5]}' in refused.reason
    stars: Any = {"kind": "csat", "scale": [1, 10]}
    row = only(page(answers, silent, **{"In-app": stars}))
    assert (row["kind"], row["scale_min"], row["scale_max"]) == ("csat", 1, 10)
    ten: Any = {"kind": "nps", "scale": [1, 10]}
    assert "not 1 to 10" in str(SurveyResponse.rule(only(page(answers, silent, s=ten))))
