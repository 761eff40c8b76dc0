"""Texts of follow-ups: titles, dates, people and the state of an account."""

from datetime import datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from cs_sync.follow_ups.company import CompanyView
from cs_sync.follow_ups.facts import PersonFact
from cs_sync.follow_ups.view import AccountView
from cs_sync.health.wording import name_answer, to_plain_line

TITLE_LENGTH = 59
"""A list of tasks shows no more of a title."""
SHORTEST_NAME = 12
"""Letters that are left of a long name."""
MAX_REASONS = 4


def build_title(view: AccountView, key: str, n: int | None = None, **fields: str) -> str:
    """Build a title, with the account's name shortened until it fits.

    Args:
        view: The account.
        key: The message.
        n: The number that selects the plural form.
        **fields: The texts of its other fields.
    """
    name, named = to_plain_line(view.label, 80), cast(dict[str, Any], fields)
    title = view.words(key, n, account=name, **named)
    if len(title) > TITLE_LENGTH:
        length = max(len(name) - (len(title) - TITLE_LENGTH), SHORTEST_NAME)
        title = view.words(key, n, account=to_plain_line(name, length), **named)
    return to_plain_line(title, TITLE_LENGTH)


def list_advice(view: AccountView | CompanyView, key: str, **fields: str) -> tuple[str, ...]:
    """Return the lines of a message as advice."""
    return tuple(view.words(key, **cast(dict[str, Any], fields)).split("\n"))


def format_instant(at: datetime, view: AccountView | CompanyView) -> str:
    """Format an instant in the reporting zone: `12 Nov, 14:05`."""
    return view.words.instant(at.astimezone(ZoneInfo(view.zone)), view.today)


def format_date(at: datetime, view: AccountView | CompanyView) -> str:
    """Format an instant as a date in the reporting zone: `12 Nov`."""
    return view.words.day(at.astimezone(ZoneInfo(view.zone)).date(), view.today)


def format_near_date(at: datetime, view: AccountView) -> str:
    """Format a date within the next year without its year.

    Such as `2 Jan`.
    """
    day = at.astimezone(ZoneInfo(view.zone)).date()
    return view.words.day(day, day)


def format_money(view: AccountView) -> str:
    """Format what the account pays per month, shortly.

    For a title, where every letter counts.
    """
    amounts = sorted(view.mrr.items())
    return " + ".join(view.words.format_short_money(amount, code) for code, amount in amounts)


def describe_account(view: AccountView) -> str:
    """Describe an account's score, MRR and main reasons for a follow-up."""
    say, head = view.words, []
    if view.score is not None:
        head.append(say("follow_up.health", score=say.number(view.score), band=say.band(view.band)))
    if view.mrr:
        head.append(say("follow_up.mrr", mrr=say.mrr(view.mrr)))
    reasons = (f"- {reason}" for reason in view.reasons[:MAX_REASONS])
    return "\n".join([*([" · ".join(head)] if head else []), *reasons])


def describe_person(person: PersonFact | None, view: AccountView) -> str:
    """Describe whom to speak to: name, role, last use and last answer."""
    say = view.words
    if person is None:
        return say("follow_up.nobody")
    parts = [", ".join(filter(None, (name_person(person, view), to_plain_line(person.role, 60))))]
    if person.last_day:
        parts.append(say("follow_up.last_active", day=say.day(person.last_day, view.today)))
    answer = next((a for a in view.answers if a.person == person.id), None)
    if answer:
        highest = None if answer.scale_max is None else say.number(answer.scale_max)
        score = name_answer(answer.kind, say.number(answer.score), highest, say)
        day = format_date(answer.answered_at, view)
        parts.append(say("follow_up.last_answer", answer=score, day=day))
    return say("follow_up.speak_to", person=" · ".join(parts))


def name_person(person: PersonFact | None, view: AccountView) -> str:
    """Return a person's name; "somebody" for an unknown one."""
    name = to_plain_line(person.name, 60) if person else ""
    return name or view.words("follow_up.somebody")


def join_paragraphs(*parts: str) -> str:
    """Join the non-empty parts with blank lines."""
    return "\n\n".join(part for part in parts if part)


def format_list(*parts: str) -> str:
    """Format each part as a line with a dash."""
    return "\n".join(f"- {part}" for part in parts)
