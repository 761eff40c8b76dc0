"""Texts of follow-ups: dates, times and the state of an account."""

from datetime import datetime
from zoneinfo import ZoneInfo

from cs_sync.follow_ups.company import CompanyView
from cs_sync.follow_ups.view import AccountView


def format_instant(at: datetime, view: AccountView | CompanyView) -> str:
    """Format an instant in the reporting zone: `12 Nov, 14:05`."""
    return view.words.instant(at.astimezone(ZoneInfo(view.zone)), view.today)


def format_date(at: datetime, view: AccountView) -> str:
    """Format an instant as a date in the reporting zone: `12 Nov`."""
    return view.words.day(at.astimezone(ZoneInfo(view.zone)).date(), view.today)


def describe_account(view: AccountView) -> str:
    """Describe an account's score, MRR and reasons for the reader of a follow-up."""
    say, lines = view.words, []
    if view.score is not None:
        lines.append(
            say("follow_up.health", score=say.number(view.score), band=say.band(view.band))
        )
    if view.mrr:
        lines.append(say("follow_up.mrr", mrr=say.mrr(view.mrr)))
    return "\n".join([*lines, *(f"- {reason}" for reason in view.reasons)])


def join_paragraphs(*parts: str) -> str:
    """Join the non-empty parts with blank lines."""
    return "\n\n".join(part for part in parts if part)


def format_list(*parts: str) -> str:
    """Format each part as a line with a dash."""
    return "\n".join(f"- {part}" for part in parts)
