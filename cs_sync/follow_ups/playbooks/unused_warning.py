"""A paying account has not used the product for two weeks: the longer, the more urgent."""

from collections.abc import Iterator
from datetime import date, timedelta

from pydantic import Field

from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import paragraphs, standing
from cs_sync.health.scope import midnight
from cs_sync.health.wording import plain


class UnusedSettings(PlaybookSettings):
    """Also after how many days without use it warns, and from when on it leaves off.

    By then `likely_leaving` takes over.
    """

    days: int = Field(default=14, ge=1)
    until_days: int = Field(default=30, ge=2)


def propose(view: AccountView, settings: UnusedSettings) -> Iterator[Proposal]:
    """One warning per time without use, named by its last day of use; each week is news of it."""
    since, idle, say = view.unused_since, view.unused_days, view.words
    if since is None or idle is None or not view.pays:
        return
    if settings.days <= idle < settings.until_days:
        weeks = range(settings.days, idle + 1, 7)
        title = "unused_warning.title" if view.usage else "unused_warning.title_never"
        yield Proposal(
            occasion=f"unused since {since}",
            since=midnight(since + timedelta(days=settings.days + 1), view.zone),
            title=say(title, settings.days, account=plain(view.label, 80)),
            body=paragraphs(
                last_use(view),
                say("unused_warning.do"),
                standing(view),
            ),
            evidence=tuple(
                {"kind": "unused", "id": f"unused {days}", "text": say("unused_warning.news", days)}
                for days in weeks
            ),
            priority="high" if len(weeks) > 1 else None,
        )


def last_use(view: AccountView) -> str:
    """When it was used for the last time, as a sentence."""
    say, since = view.words, view.unused_since
    if since is None:
        return ""
    how = "unused_warning.last" if view.usage else "unused_warning.never"
    return say(how, day=say.day(since, view.today))


def used_again(view: AccountView, occasion: str, _settings: PlaybookSettings) -> str | None:
    """It has been used since the day that the occasion names."""
    known = date.fromisoformat(occasion[-len("2026-01-31") :])
    if view.usage is None or view.usage.last_day <= known:
        return None
    day = view.words.day(view.usage.last_day, view.today)
    return view.words("unused_warning.again", day=day)


def resolved(view: AccountView, occasion: str, settings: PlaybookSettings) -> str | None:
    """It is used again, or unused for so long that another follow-up took over."""
    if occasion in view.occasions.get("likely_leaving", ()):
        return view.words("unused_warning.taken_over")
    return used_again(view, occasion, settings)


UNUSED_WARNING = Playbook(
    name="unused_warning",
    title="Warn of an unused account",
    description="A paying account without use for 14 days is asked about it, each week louder.",
    propose=propose,
    defaults=UnusedSettings(due_in=timedelta(days=2)),
    resolved=resolved,
)
