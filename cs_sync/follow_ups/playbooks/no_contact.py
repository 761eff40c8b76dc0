"""Account nobody has spoken to for long: check in."""

from collections.abc import Iterator
from datetime import date, timedelta

from pydantic import Field

from cs_sync.follow_ups.conditions import is_small
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import build_title, list_advice
from cs_sync.metrics.periods import get_day_start


class ContactSettings(PlaybookSettings):
    """Settings of the playbook: days without a logged contact."""

    days: int = Field(default=60, ge=7)


def propose(view: AccountView, settings: ContactSettings) -> Iterator[Proposal]:
    """Propose one check-in per silence; its last contact is the occasion.

    Only where a contact was ever logged: no record is not a silence.
    """
    last, say = view.last_contact, view.words
    if last is None or not view.pays or (view.today - last).days < settings.days:
        return
    day, number = say.day(last, view.today), (view.today - last).days
    yield Proposal(
        occasion=f"no contact since {last}",
        since=get_day_start(last + timedelta(days=settings.days), view.zone),
        title=build_title(view, "no_contact.title", settings.days),
        body=say("no_contact.why", number, day=day),
        advice=list_advice(view, "no_contact.say"),
        kind="call",
        evidence=({"kind": "contact", "last_day": last.isoformat()},),
        audience="decider",
    )


def resolved(view: AccountView, occasion: str, _settings: PlaybookSettings) -> str | None:
    """Return a reason once there was a contact after the occasion's day."""
    known_day = date.fromisoformat(occasion[-len("2026-01-31") :])
    if view.last_contact is None or view.last_contact <= known_day:
        return None
    return view.words("no_contact.done", day=view.words.day(view.last_contact, view.today))


NO_CONTACT = Playbook(
    name="no_contact",
    title="Check in with a silent account",
    description="A paying account without a logged contact for 60 days is checked in with.",
    propose=propose,
    defaults=ContactSettings(priority="low", due_in=timedelta(days=5)),
    resolved=resolved,
    unless=(is_small,),
)
