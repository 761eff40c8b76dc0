"""From `survey sent` events and survey definitions to survey responses; pure."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cs_sync import Page, Rejection, Row
from cs_sync_posthog.config import SurveyScale
from cs_sync_posthog.records import parse_timestamp
from cs_sync_schemas import Record, SurveyResponse


@dataclass(frozen=True, slots=True)
class Rating:
    """A question answered by a number: where its answer stands and what it measures."""

    question_id: str
    place: int
    kind: str
    scale: tuple[float, float] | None
    """Lowest and highest answer; None where nobody says it."""
    higher_is_better: bool


@dataclass(frozen=True, slots=True)
class Survey:
    """What is needed to read the answers of one survey."""

    id: str
    name: str
    created_at: datetime
    ratings: tuple[Rating, ...]
    texts: tuple[tuple[str, int], ...]
    """(question id, place) of every question answered in words or by choice."""

    def response_ids(self, submission: str) -> Iterator[str]:
        """Return one id per rating; the first is the submission's."""
        yield submission
        for rating in self.ratings[1:]:
            yield f"{submission}|{rating.question_id}"


def surveys_of(
    definitions: Iterable[Mapping[str, Any]], scales: Mapping[str, SurveyScale]
) -> list[Survey]:
    """Map the surveys that can be understood.

    Answers to any other are rejected by name.
    """
    surveys = []
    for definition in definitions:
        with suppress(ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
            surveys.append(survey_of(definition, scales))
    return surveys


def survey_of(definition: Mapping[str, Any], scales: Mapping[str, SurveyScale]) -> Survey:
    """Map PostHog's definition of a survey, with the configured scales."""
    questions = list(enumerate(definition.get("questions") or ()))
    named = (definition["id"], definition["name"])
    ratings = [
        _map_rating(question, place, _get_configured_scale(scales, question, named))
        for place, question in questions
        if question["type"] == "rating"
    ]
    texts = [
        (str(question.get("id") or ""), place)
        for place, question in questions
        if question["type"] in ("open", "single_choice", "multiple_choice")
    ]
    created = datetime.fromisoformat(definition["created_at"])
    created = created if created.tzinfo else created.replace(tzinfo=UTC)
    return Survey(*named, created, tuple(ratings), tuple(texts))


def _get_configured_scale(
    scales: Mapping[str, SurveyScale], question: Mapping[str, Any], survey: Sequence[str]
) -> SurveyScale | None:
    names = (str(question.get("id")), str(question.get("question")), *survey)
    return next((scales[name] for name in names if name in scales), None)


def _map_rating(question: Mapping[str, Any], place: int, override: SurveyScale | None) -> Rating:
    """Map a rating; only PostHog's default scale, 0 to 10, is NPS.

    Scale 2 is thumbs: 1 is up and 2 is down. A question without a scale has the one that is
    configured, or none.
    """
    scale = int(question.get("scale") or 0)
    nps = scale == 10 and question.get("isNpsQuestion") is not False
    detected = (0 if scale == 10 else 1, scale) if scale else None
    better = override.higher_is_better if override else None
    return Rating(
        question_id=str(question.get("id") or ""),
        place=place,
        kind=override.kind if override else "nps" if nps else "custom",
        scale=override.scale if override and override.scale else detected,
        higher_is_better=scale != 2 if better is None else better,
    )


def answer_page(rows: Sequence[Sequence[Any]], surveys: Mapping[str, Survey]) -> Page:
    """Map submissions to responses, one per rating.

    One without a rating is its words alone.
    """
    return Page.mapped(
        SurveyResponse,
        rows,
        lambda row: _select_responses(row, surveys),
        source_id=lambda row: row[0],
    )


def _select_responses(
    row: Sequence[Any], surveys: Mapping[str, Survey]
) -> Iterator[tuple[type[Record], Row] | Rejection]:
    submission, account, person, packed, answered = row
    answers = json.loads(packed) if isinstance(packed, str) else packed
    survey = surveys.get(str(answers.get("$survey_id")))
    if survey is None:
        name = answers.get("$survey_name") or answers.get("$survey_id")
        reason = f"survey {name!r} is deleted, or not defined as PostHog describes it"
        yield Rejection(SurveyResponse, submission, "unknown_survey", reason, answers)
        return
    shared = {
        "account_source_id": account or None,
        "contact_source_id": person or None,
        "survey": survey.name,
        "comment": _read_comment(answers, survey.texts),
        "answered_at": parse_timestamp(answered),
        "raw": answers,
    }
    if not survey.ratings:
        yield SurveyResponse, {**shared, "source_id": submission, "kind": "custom"}
    for rating, source_id in zip(survey.ratings, survey.response_ids(submission), strict=False):
        yield _read_response(source_id, rating, answers, shared)


def _read_response(
    source_id: str, rating: Rating, answers: Mapping[str, Any], shared: Row
) -> tuple[type[Record], Row] | Rejection:
    answer = _answer(answers, rating.question_id, rating.place)
    try:
        score = None if answer in (None, "") else float(answer)
    except (TypeError, ValueError):
        reason = f"the rating {answer!r} is not a number"
        return Rejection(SurveyResponse, source_id, "bad_value", reason, dict(answers))
    if score is not None and rating.scale is None:
        reason = _NO_SCALE.format(survey=shared["survey"], kind=rating.kind)
        return Rejection(SurveyResponse, source_id, "unknown_scale", reason, dict(answers))
    low, high = rating.scale or (None, None)
    return SurveyResponse, {
        **shared,
        "source_id": source_id,
        "kind": rating.kind,
        "score": score,
        "scale_min": low,
        "scale_max": high,
        "higher_is_better": rating.higher_is_better,
    }


_NO_SCALE = (
    "survey {survey!r} does not say its scale: give its lowest and highest answer, e.g. "
    '"{survey}" = {{kind = "{kind}", scale = [1, 5]}} in [connectors.posthog.surveys], '
    "then `cs-sync rejects retry`"
)


def _answer(answers: Mapping[str, Any], question_id: str, place: int) -> Any:
    """Return an answer by its question's id, or by its place."""
    by_id = answers.get(f"$survey_response_{question_id}") if question_id else None
    by_place = answers.get(f"$survey_response_{place}" if place else "$survey_response")
    return by_place if by_id is None else by_id


def _read_comment(answers: Mapping[str, Any], texts: Iterable[tuple[str, int]]) -> str | None:
    parts = [_answer(answers, question_id, place) for question_id, place in texts]
    words = [", ".join(map(str, part)) if isinstance(part, list) else part for part in parts]
    return "\n".join(str(part) for part in words if part) or None
