"""Survey answers: each type on its own scale, and what cannot be placed on one."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import respx

from cs_sync import Page, Window
from cs_sync_hubspot.config import HubSpotConfig
from cs_sync_hubspot.source import HubSpotSource
from cs_sync_schemas import SurveyResponse


def read(source: HubSpotSource, vendor: respx.MockRouter, *items: Any) -> Page:
    """The first page of a list of answers."""

    def respond(request: httpx.Request) -> httpx.Response:
        living = request.url.params["archived"] == "false"
        return httpx.Response(200, json={"results": items if living else []})

    vendor.get("/crm/objects/2026-03/feedback_submissions").mock(side_effect=respond)
    (stream,) = (s for s in source.streams() if s.name == "feedback_submissions")
    return next(iter(stream.read(Window(None, datetime(2026, 11, 20, tzinfo=UTC)))))


def answer(kind: str | None, value: str | None, **more: Any) -> dict[str, Any]:
    changed = "2026-10-30T12:00:01Z"
    properties = {
        "hs_lastmodifieddate": changed,
        "hs_survey_type": kind,
        "hs_survey_name": "Q4",
        "hs_value": value,
        "hs_content": "Fast support",
        "hs_submission_timestamp": "2026-10-30T12:00:00Z",
        "hs_contact_id": "501",
        **more,
    }
    return {"id": "31", "properties": properties, "createdAt": changed, "updatedAt": changed}


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("NPS", "9", ("nps", 9.0, 0, 10)),
        ("CSAT", "2", ("csat", 2.0, 0, 2)),
        ("CES", "7", ("ces", 7.0, 1, 7)),
        ("CES", "", ("ces", None, 1, 7)),
        ("CUSTOM", None, ("custom", None, None, None)),
    ],
)
def test_survey_answers_keep_their_scale(
    source: HubSpotSource,
    vendor: respx.MockRouter,
    kind: str,
    value: str | None,
    expected: tuple[Any, ...],
) -> None:
    first = read(source, vendor, answer(kind, value))
    (row,) = first.records[SurveyResponse]
    assert (row["kind"], row["score"], row["scale_min"], row["scale_max"]) == expected
    assert SurveyResponse.rule(row) is None
    assert (row["contact_source_id"], row["comment"], row["survey"]) == (
        "501",
        "Fast support",
        "Q4",
    )
    assert row["answered_at"] == datetime(2026, 10, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("item", "code", "hint"),
    [
        (answer("CUSTOM", "4"), "UNKNOWN_SCALE", "survey_scales"),
        (answer(None, "4"), "UNKNOWN_SURVEY_TYPE", "hs_survey_type"),
        (answer("NPS", "nine"), "BAD_SCORE", "'nine'"),
    ],
)
def test_survey_answers_that_cannot_be_read_say_why(
    source: HubSpotSource, vendor: respx.MockRouter, item: Any, code: str, hint: str
) -> None:
    first = read(source, vendor, item)
    assert first.records[SurveyResponse] == []
    assert first.rejected[0].code == code
    assert hint in first.rejected[0].reason


def test_scales_of_surveys_can_be_given(http: Any, vendor: respx.MockRouter) -> None:
    scales: Mapping[str, Any] = {"CSAT": [1, 5], "CUSTOM": [1, 3]}
    given = HubSpotConfig.model_validate({"access_token": "t" * 9, "survey_scales": scales})
    first = read(HubSpotSource(given, http), vendor, answer("CSAT", "5"), answer("CUSTOM", "3"))
    found = [(r["score"], r["scale_max"]) for r in first.records[SurveyResponse]]
    assert found == [(5.0, 5.0), (3.0, 3.0)]
