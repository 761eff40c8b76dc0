"""How follow-ups put moments and an account's standing into words."""

from datetime import datetime
from zoneinfo import ZoneInfo

from cs_sync.follow_ups.company import CompanyView
from cs_sync.follow_ups.view import AccountView


def instant_text(at: datetime, view: AccountView | CompanyView) -> str:
    """`12 Nov, 14:05` in the reporting zone."""
    return view.words.instant(at.astimezone(ZoneInfo(view.zone)), view.today)


def date_text(at: datetime, view: AccountView) -> str:
    """`12 Nov` in the reporting zone, where the time of day says nothing."""
    return view.words.day(at.astimezone(ZoneInfo(view.zone)).date(), view.today)


def standing(view: AccountView) -> str:
    """Score, MRR and reasons: what whoever picks up the follow-up should know."""
    say, lines = view.words, []
    if view.score is not None:
        lines.append(
            say("follow_up.health", score=say.number(view.score), band=say.band(view.band))
        )
    if view.mrr:
        lines.append(say("follow_up.mrr", mrr=say.mrr(view.mrr)))
    return "\n".join([*lines, *(f"- {reason}" for reason in view.reasons)])


def paragraphs(*parts: str) -> str:
    """The parts that say something, an empty line between them."""
    return "\n\n".join(part for part in parts if part)


def listed(*parts: str) -> str:
    """Each part on a line of its own, with a dash before it."""
    return "\n".join(f"- {part}" for part in parts)
