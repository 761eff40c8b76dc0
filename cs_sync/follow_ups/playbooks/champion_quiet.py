"""Person with the most use who stopped: find out what became of them."""

from collections.abc import Iterator
from datetime import date, timedelta

from pydantic import Field

from cs_sync.follow_ups.conditions import is_ending
from cs_sync.follow_ups.facts import PersonFact
from cs_sync.follow_ups.people import find_champion
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import build_title, list_advice, name_person
from cs_sync.health.wording import to_plain_line
from cs_sync.metrics.periods import get_day_start


class ChampionSettings(PlaybookSettings):
    """Settings of the playbook: what a champion is, and when one is quiet."""

    days: int = Field(default=14, ge=14, description="Days without use that make one quiet.")
    use_days: int = Field(
        default=12, ge=1, description="Days of use in the 56 days before that make a champion."
    )


def propose(view: AccountView, settings: ChampionSettings) -> Iterator[Proposal]:
    """Propose one follow-up per silence.

    Its last day of use is the occasion. Where nobody uses the product any more, `unused_warning`
    asks.
    """
    champion, idle = find_champion(view), view.unused_days
    if champion is None or champion.last_day is None or not view.pays or idle is None:
        return
    quiet = view.count_unused_days(champion.last_day)
    if quiet < settings.days or champion.earlier_days < settings.use_days or idle >= settings.days:
        return
    say, name = view.words, name_person(champion, view)
    day = say.day(champion.last_day, view.today)
    short = to_plain_line(name, 24)
    yield Proposal(
        occasion=f"champion quiet since {champion.last_day}",
        since=get_day_start(champion.last_day + timedelta(days=settings.days + 1), view.zone),
        ongoing=True,
        title=build_title(view, "champion_quiet.title", person=short),
        body=say("champion_quiet.why", champion.earlier_days, person=name, day=day),
        advice=list_advice(view, "champion_quiet.say", person=name),
        kind="call",
        evidence=({"kind": "champion", "last_day": champion.last_day.isoformat()},),
        stake=view.monthly,
        contact=champion.id,
    )


def resolved(view: AccountView, occasion: str, _settings: PlaybookSettings) -> str | None:
    """Return a reason once a champion uses it again.

    The same or a new one, after the occasion's day.
    """
    known_day = date.fromisoformat(occasion[-len("2026-01-31") :])
    champion: PersonFact | None = find_champion(view)
    if champion is None or champion.last_day is None or not champion.recent_days:
        return None
    if champion.last_day <= known_day:
        return None
    day = view.words.day(champion.last_day, view.today)
    return view.words("champion_quiet.back", person=name_person(champion, view), day=day)


CHAMPION_QUIET = Playbook(
    name="champion_quiet",
    title="Look for a quiet champion",
    description="The person with the most use stopped, while others go on: ask what happened.",
    propose=propose,
    defaults=ChampionSettings(due_in=timedelta(days=3)),
    resolved=resolved,
    unless=(is_ending,),
)
