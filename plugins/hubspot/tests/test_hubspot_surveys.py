"""Survey answers: each type on its own scale, and what cannot be placed on one."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from operator import eq, ge, gt, lt
from typing import Any

import httpx
import orjson
import pytest
import respx
from pydantic import ValidationError

from cs_sync import Page, Window
from cs_sync_hubspot.config import HubSpotConfig
from cs_sync_hubspot.source import HubSpotSource
from cs_sync_schemas import SurveyResponse

UNTIL = datetime(2026, 11, 20, tzinfo=UTC)
PLACE = "/crm/objects/2026-03/feedback_submissions"
TESTS: Mapping[str, Callable[[Any, Any], bool]] = {"EQ": eq, "LT": lt, "GT": gt, "GTE": ge}


def read(source: HubSpotSource, vendor: respx.MockRouter, *items: Any, since: Any = None) -> Page:
    """The first page of a list of answers, or of those that changed since a time."""

    def respond(request: httpx.Request) -> httpx.Response:
        living = request.url.params["archived"] == "false"
        return httpx.Response(200, json={"results": items if living else []})

    def search(request: httpx.Request) -> httpx.Response:
        asked = orjson.loads(request.content)
        actual = [item for item in items if any(map(partial(_holds, item), asked["filterGroups"]))]
        return httpx.Response(200, json={"total": len(actual), "results": actual})

    vendor.get(PLACE).mock(side_effect=respond)
    vendor.post(f"{PLACE}/search").mock(side_effect=search)
    (stream,) = (s for s in source.streams() if s.name == "feedback_submissions")
    return next(iter(stream.read(Window(since, UNTIL, backfill=since is None))))


def _holds(item: Any, group: Any) -> bool:
    """Whether an answer is found by the filters of a group."""
    for entry in group["filters"]:
        name, wanted = entry["propertyName"], entry["value"]
        value = item["id"] if name == "hs_object_id" else item["properties"][name]
        if name == "hs_lastmodifieddate":
            value = datetime.fromisoformat(value).timestamp() * 1000
        if entry["operator"] != "EQ":
            value, wanted = float(value), float(wanted)
        if not TESTS[entry["operator"]](value, wanted):
            return False
    return True


def answer(
    kind: str | None, value: str | None, id: str = "31", day: int = 30, **more: Any
) -> dict[str, Any]:
    changed = f"2026-10-{day:02}T12:00:01Z"
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
    return {"id": id, "properties": properties, "createdAt": changed, "updatedAt": changed}


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
    actual = [(r["score"], r["scale_max"]) for r in first.records[SurveyResponse]]
    assert actual == [(5.0, 5.0), (3.0, 3.0)]


SMILEYS = [answer("CSAT", v, f"70{n}", 2, hs_survey_name="Tickets") for n, v in enumerate("22210")]
STARS = [answer("CSAT", v, f"71{n}", 3 + n, hs_survey_name="Stars") for n, v in enumerate("12545")]


def list_refused(page: Page) -> set[tuple[str, float, float]]:
    return {(r["survey"], r["scale_min"], r["scale_max"]) for r in page.records[SurveyResponse]}


def test_a_survey_that_does_not_fit_its_type_is_refused_whole(
    source: HubSpotSource, vendor: respx.MockRouter
) -> None:
    """A 2 of five stars is on the scale of smileys, too, where it would be the best there is."""
    page = read(source, vendor, *SMILEYS, *STARS)
    assert list_refused(page) == {("Tickets", 0, 2)}
    assert [refused.source_id for refused in page.rejected] == ["710", "711", "712", "713", "714"]
    assert {refused.code for refused in page.rejected} == {"UNKNOWN_SCALE"}
    assert 'survey_scales = { "Stars" = [1, 5] }' in page.rejected[0].reason


def test_what_was_stored_on_the_wrong_scale_is_taken_back(
    source: HubSpotSource, vendor: respx.MockRouter
) -> None:
    """The first two answers fitted; the third does not, and only it has changed since."""
    fitting = read(source, vendor, *STARS[:2])
    assert list_refused(fitting) == {("Stars", 0, 2)}
    page = read(source, vendor, *SMILEYS, *STARS[:3], since=datetime(2026, 10, 5, tzinfo=UTC))
    assert page.records[SurveyResponse] == []
    assert sorted(page.deleted[SurveyResponse]) == ["710", "711", "712"]
    assert sorted(str(refused.source_id) for refused in page.rejected) == ["710", "711", "712"]


@pytest.mark.parametrize(
    ("scales", "expected"),
    [
        ({"Stars": [1, 5]}, {("Tickets", 0, 2), ("Stars", 1, 5)}),
        ({"CSAT": [1, 5]}, {("Stars", 1, 5)}),
        ({"CSAT": [1, 5], "Tickets": [0, 2]}, {("Tickets", 0, 2), ("Stars", 1, 5)}),
    ],
)
def test_a_scale_of_a_survey_wins_over_that_of_its_type(
    http: Any, vendor: respx.MockRouter, scales: Any, expected: set[Any]
) -> None:
    given = HubSpotConfig.model_validate({"access_token": "t" * 9, "survey_scales": scales})
    assert list_refused(read(HubSpotSource(given, http), vendor, *SMILEYS, *STARS)) == expected


def test_nps_has_one_scale() -> None:
    with pytest.raises(ValidationError, match="nothing else is NPS"):
        HubSpotConfig.model_validate({"access_token": "t" * 9, "survey_scales": {"NPS": [1, 10]}})
    with pytest.raises(ValidationError, match="from its lowest to its highest"):
        HubSpotConfig.model_validate({"access_token": "t" * 9, "survey_scales": {"S": [5, 1]}})
