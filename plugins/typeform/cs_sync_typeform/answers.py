"""From one response to the answers of its scored questions, and who gave them; pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cs_sync import MappingError, Rejection, Row
from cs_sync_schemas import Record, SourceAccount, SourceContact, SurveyResponse

Raw = Mapping[str, Any]

SCORED = ("nps", "opinion_scale", "rating")
WORDS = ("text", "choice", "choices")


def map_response(raw: Raw, config: Any) -> Iterator[tuple[type[Record], Row] | Rejection]:
    """Yield answers to scored questions, with person and account.

    A response without a score is its words alone; one to a form without scores is none.
    """
    form = raw["_parent"]["_form"]
    questions = {field["id"]: field for field in list_fields(form.get("fields") or ())}
    answers = raw.get("answers") or []
    scored = [answer for answer in answers if answer["field"]["type"] in SCORED]
    if not scored:
        scored = [{"field": f} for f in questions.values() if f.get("type") in SCORED][:1]
    if not scored:
        return
    account, person = _find_identity(raw, answers, config)
    row = {
        "account_source_id": account,
        "contact_source_id": None if person is None else person["source_id"],
        "survey": form.get("title"),
        "comment": read_comment(answers),
        "answered_at": raw.get("submitted_at"),
        "raw": {name: value for name, value in raw.items() if not name.startswith("_")},
    }
    for answer in scored:
        id = f"{form['id']}:{raw['token']}:{answer['field']['id']}"
        try:
            question = questions.get(answer["field"]["id"], answer["field"])
            scale = _read_scale(answer, question, _find_kind(form, question, config.surveys))
            yield SurveyResponse, {**row, "source_id": id, **scale}
        except MappingError as error:
            yield Rejection(SurveyResponse, id, error.code, str(error), row["raw"])
    if account:
        yield SourceAccount, {"source_id": account, "external_key": account}
    if person:
        yield SourceContact, person


def list_fields(fields: Iterable[Raw]) -> Iterator[Raw]:
    """Yield the questions of a form, those inside groups too."""
    for field in fields:
        yield field
        yield from list_fields((field.get("properties") or {}).get("fields") or ())


def _find_kind(form: Raw, question: Raw, surveys: Mapping[str, str]) -> str:
    """Return what a question measures.

    As configured, else NPS by its type, else custom.
    """
    names = [str(question.get(name)) for name in ("id", "ref", "title")]
    names += [str(form["id"]), str(form.get("title"))]
    default = "nps" if question.get("type") == "nps" else "custom"
    return next((surveys[name] for name in names if name in surveys), default)


def _read_scale(answer: Raw, question: Raw, kind: str) -> dict[str, Any]:
    """Return score, scale and kind of an answer.

    NPS goes from 0 to 10; a scale of n steps from 0 to n-1, or from 1 where it starts at one.
    """
    type = answer["field"].get("type") or question.get("type")
    stated = question.get("properties") or {}
    steps = 11 if type == "nps" else stated.get("steps")
    if not isinstance(steps, int) or steps < 2:
        raise MappingError("unknown_scale", f"question {answer['field']['id']} states no steps")
    low = 1 if type == "rating" or (type != "nps" and stated.get("start_at_one")) else 0
    scale = {"kind": kind, "scale_min": low, "scale_max": low + steps - 1}
    return {**scale, "score": answer.get("number")}


def read_comment(answers: Iterable[Raw]) -> str | None:
    """Return what was written and chosen, a line each."""
    lines = [answer.get(type) for answer in answers for type in WORDS if type in answer]
    return "\n".join(filter(None, map(_write_words, lines))) or None


def _write_words(words: Any) -> str:
    if isinstance(words, dict):
        labels = words.get("labels") or [words.get("label"), words.get("other")]
        return ", ".join(str(label) for label in labels if label)
    return str(words or "")


def _find_identity(raw: Raw, answers: Iterable[Raw], config: Any) -> tuple[str | None, Row | None]:
    """Return the account's id, and the person.

    The same person always has the same row.
    """
    hidden = raw.get("hidden") or {}
    account, user, email = (
        str(hidden.get(name) or "").strip() or None
        for name in (config.account_field, config.user_field, config.email_field)
    )
    email = email or next((answer["email"] for answer in answers if answer.get("email")), None)
    if user is None and email is None:
        return account, None
    id = "|".join(part or "" for part in (account, user, email))
    fields = {"account_source_id": account, "external_key": user, "email": email}
    return account, {"source_id": id, **fields}
