"""From one response to the answers of its scored questions, and who gave them; pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from cs_sync import MappingError, Rejection, Row
from cs_sync_schemas import Record, SourceAccount, SourceContact, SurveyResponse

Raw = Mapping[Any, Any]
Made = tuple[type[Record], Row] | Rejection

KINDS = {"nps": "nps", "csat": "csat", "ces": "ces", "rating": "custom"}
"""What a type of question measures, unless the configuration says so."""
RANGES = {"nps": 10, "csat": 5}
WORDS = ("openText", "multipleChoiceSingle", "multipleChoiceMulti")


def map_response(raw: Raw, config: Any) -> Iterator[Made]:
    """Yield answers to scored questions, with person and account.

    A response without a score is its words alone; one to a survey without scores is none.
    """
    survey = raw["_surveys"].get(str(raw.get("surveyId")))
    if survey is None:  # without its questions no answer has an id
        reason = f"response {raw.get('id')}: survey {raw.get('surveyId')} cannot be read"
        yield Rejection(SurveyResponse, None, "unknown_survey", reason, raw.get("data"))
        return
    questions, data = list_questions(survey), raw.get("data") or {}
    scored = [each for each in questions if each.get("type") in KINDS]
    comment = _read_comment(questions, data)
    answered = [each for each in scored if data.get(each.get("id")) not in (None, "")]
    if not answered and (comment or raw.get("finished")):
        answered = scored[:1]
    if not answered:
        return
    account, person = _find_identity(raw, data, config)
    row = {
        "account_source_id": account,
        "contact_source_id": None if person is None else person["source_id"],
        "survey": survey.get("name"),
        "comment": comment,
        "answered_at": raw.get("createdAt"),
        "updated_at": raw.get("updatedAt"),
        "raw": {name: value for name, value in raw.items() if not name.startswith("_")},
    }
    for question in answered:
        id = f"{raw['id']}:{question.get('id')}"
        try:
            scale = _read_scale(question, _find_kind(survey, question, config.surveys))
            yield (
                SurveyResponse,
                {**row, "source_id": id, **scale, "score": _read_score(question, data)},
            )
        except MappingError as error:
            yield Rejection(SurveyResponse, id, error.code, str(error), row["raw"])
    if account:
        yield SourceAccount, {"source_id": account, "external_key": account}
    if person:
        yield SourceContact, person


def list_questions(survey: Raw) -> list[Raw]:
    """Return the questions of a survey, of its blocks or older form."""
    blocks = survey.get("blocks") or ()
    elements = [element for block in blocks for element in block.get("elements") or ()]
    return elements or list(survey.get("questions") or ())


def _find_kind(survey: Raw, question: Raw, surveys: Mapping[str, str]) -> str:
    """Return what a question measures: as configured, else by its type."""
    headline = (question.get("headline") or {}).get("default")
    names = [str(name) for name in (question.get("id"), headline)]
    names += [str(survey.get("id")), str(survey.get("name"))]
    return next((surveys[name] for name in names if name in surveys), KINDS[question["type"]])


def _read_scale(question: Raw, kind: str) -> Row:
    """Return kind and scale: NPS from 0 to 10, others from 1."""
    type = question["type"]
    high = RANGES.get(type) or question.get("range")
    if not isinstance(high, int) or high < 2:
        raise MappingError("unknown_scale", f"question {question.get('id')} states no range")
    return {"kind": kind, "scale_min": 0 if type == "nps" else 1, "scale_max": high}


def _read_score(question: Raw, data: Raw) -> Any:
    """Return the answer, None for a question left out."""
    score = data.get(question.get("id"))
    return None if score == "" else score


def _read_comment(questions: list[Raw], data: Raw) -> str | None:
    """Return what was written and chosen, a line each."""
    given = [data.get(each.get("id")) for each in questions if each.get("type") in WORDS]
    lines = [", ".join(map(str, each)) if isinstance(each, list) else each for each in given]
    return "\n".join(str(line) for line in lines if line) or None


def _find_identity(raw: Raw, data: Raw, config: Any) -> tuple[str | None, Row | None]:
    """Return the account's id, and the person.

    Hidden fields come before the contact's attributes; the same person always has the same row.
    """
    known: Raw = {**(raw.get("contactAttributes") or {}), **data}
    account, user, email = (
        str(known.get(name) or "").strip() or None
        for name in (config.account_field, config.user_field, config.email_field)
    )
    if user is None and email is None:
        return account, None
    id = "|".join(part or "" for part in (account, user, email))
    fields = {"account_source_id": account, "external_key": user, "email": email}
    return account, {"source_id": id, **fields}
