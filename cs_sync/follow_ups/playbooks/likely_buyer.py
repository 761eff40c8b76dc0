"""Account outgrowing its plan: growing usage, and few seats left."""

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field

from cs_sync.follow_ups.conditions import NO_FAVOURS
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import build_title, list_advice


class BuyerSettings(PlaybookSettings):
    """Settings of the playbook: growth of usage in 28 days, and share of seats taken."""

    growth: float = Field(default=1.25, gt=1, description="Days of use ÷ those of 28 days before.")
    seats_taken: float = Field(default=0.8, gt=0)


def propose(view: AccountView, settings: BuyerSettings) -> Iterator[Proposal]:
    """Propose one call per month for a healthy, growing account.

    It has few seats left. This is a rule of thumb, not a model. Accounts with a single unit have no
    seats to run out of: they must be in the excellent band.
    """
    use = view.usage
    healthy = view.pays and view.band in ("green", "excellent")
    if not healthy or use is None or not use.earlier_days:
        return
    grown = use.recent_days / use.earlier_days
    seats = view.seats if view.seats and view.seats > 1 else None
    full = use.people >= settings.seats_taken * seats if seats else view.band == "excellent"
    if grown >= settings.growth and full:
        say = view.words
        reason = say("likely_buyer.excellent")
        if seats:
            people = say.number(use.people)
            reason = say("likely_buyer.seats", people=people, seats=say.number(seats))
        recent, before = say.number(use.recent_days), say.number(use.earlier_days)
        yield Proposal(
            occasion=f"growing in {view.today:%Y-%m}",
            since=view.now,
            ongoing=True,
            title=build_title(view, "likely_buyer.title", why=reason),
            body=say("likely_buyer.why", recent=recent, before=before, why=reason),
            advice=list_advice(view, "likely_buyer.say"),
            kind="call",
            evidence=({"kind": "usage", "as_of": view.today.isoformat(), "people": use.people,
                       "seats": seats},),
            stake=view.monthly,
            audience="decider",
        )  # fmt: skip


LIKELY_BUYER = Playbook(
    name="likely_buyer",
    title="Talk to a likely buyer",
    description="A healthy account whose use grows and whose seats are nearly taken is talked to.",
    propose=propose,
    defaults=BuyerSettings(due_in=timedelta(days=7), cool_down=timedelta(days=90)),
    unless=NO_FAVOURS,
)
