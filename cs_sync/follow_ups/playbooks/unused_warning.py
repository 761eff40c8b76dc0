"""Paying account without use for two weeks: warn, with weekly escalation."""

from collections.abc import Iterator
from datetime import date, timedelta

from pydantic import Field

from cs_sync.follow_ups.conditions import is_ending
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import build_title, list_advice
from cs_sync.metrics.periods import get_day_start


class UnusedSettings(PlaybookSettings):
    """Settings of the warning: its first and last day without use.

    After that `likely_leaving` takes over.
    """

    days: int = Field(default=14, ge=1)
    until_days: int = Field(default=30, ge=2)


def propose(view: AccountView, settings: UnusedSettings) -> Iterator[Proposal]:
    """Propose one warning per period without use, updated weekly.

    The last day of use is the occasion.
    """
    since, say = view.unused_since, view.words
    if since is None or not view.pays:
        return
    idle = view.count_unused_days(since)
    if settings.days <= idle < settings.until_days:
        weeks = range(settings.days, idle + 1, 7)
        title = "unused_warning.title" if view.usage else "unused_warning.title_never"
        yield Proposal(
            occasion=f"unused since {since}",
            since=get_day_start(since + timedelta(days=settings.days + 1), view.zone),
            ongoing=True,
            title=build_title(view, title, settings.days),
            body=describe_last_use(view),
            advice=list_advice(view, "unused_warning.say"),
            evidence=tuple(
                {"kind": "unused", "id": f"unused {days}", "text": say("unused_warning.news", days)}
                for days in weeks
            ),
            priority="high" if len(weeks) > 1 else None,
        )


def describe_last_use(view: AccountView) -> str:
    """Describe the last use in a sentence."""
    say, since = view.words, view.unused_since
    if since is None:
        return ""
    how = "unused_warning.last" if view.usage else "unused_warning.never"
    return say(how, day=say.day(since, view.today))


def describe_new_use(view: AccountView, occasion: str, _settings: PlaybookSettings) -> str | None:
    """Return a reason once the account was used after the occasion's day."""
    known_day = date.fromisoformat(occasion[-len("2026-01-31") :])
    if view.usage is None or view.usage.last_day <= known_day:
        return None
    day = view.words.day(view.usage.last_day, view.today)
    return view.words("unused_warning.again", day=day)


def resolved(view: AccountView, occasion: str, settings: PlaybookSettings) -> str | None:
    """Return a reason once the account is used again.

    Or once `likely_leaving` took over.
    """
    if occasion in view.occasions.get("likely_leaving", ()):
        return view.words("unused_warning.taken_over")
    return describe_new_use(view, occasion, settings)


UNUSED_WARNING = Playbook(
    name="unused_warning",
    title="Warn of an unused account",
    description="A paying account without use for 14 days is asked about it; it escalates weekly.",
    propose=propose,
    defaults=UnusedSettings(due_in=timedelta(days=2)),
    resolved=resolved,
    unless=(is_ending,),
)
