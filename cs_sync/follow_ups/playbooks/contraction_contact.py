"""An account pays less than before: get in touch while it is fresh."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from pydantic import Field

from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView, MovementFact
from cs_sync.follow_ups.wording import instant_text, money_text, paragraphs, standing
from cs_sync.health.wording import plain

_CAUSES = {
    "plan": "a smaller plan",
    "item": "an add-on was removed",
    "quantity": "fewer units",
    "price": "a lower price",
    "discount": "a discount",
    "end": "one of several subscriptions ended",
    "pause": "a subscription was paused",
    "payment": "a subscription went unpaid",
}


class ContractionSettings(PlaybookSettings):
    """Also how old a contraction may be to be worth a contact."""

    max_age_days: int = Field(default=14, ge=1)


def propose(view: AccountView, settings: ContractionSettings) -> Iterator[Proposal]:
    """One contact per instant at which the account began to pay less; the instant names it."""
    oldest = view.now - timedelta(days=settings.max_age_days)
    moments: dict[datetime, list[MovementFact]] = defaultdict(list)
    for movement in view.movements:
        if movement.kind == "contraction" and oldest <= movement.at <= view.now:
            moments[movement.at].append(movement)
    for at in sorted(moments):
        yield _contact(view, at, sorted(moments[at], key=lambda movement: movement.currency))


def _contact(view: AccountView, at: datetime, movements: Sequence[MovementFact]) -> Proposal:
    lost = " + ".join(money_text(movement.amount, movement.currency) for movement in movements)
    facts = [f"- {money_text(m.amount, m.currency)} less per month: {_why(m)}" for m in movements]
    return Proposal(
        occasion=at.astimezone(UTC).isoformat(),
        since=at,
        title=f"Contact {plain(view.label, 80)}: MRR fell by {lost}",
        body=paragraphs(
            f"It pays less since {instant_text(at, view)}:\n" + "\n".join(facts),
            "Ask what they no longer need, and show what the product could do for them there.",
            standing(view),
        ),
        kind="call",
        evidence=tuple(
            {"kind": "mrr_movement", "at": at.isoformat(), "amount": movement.amount,
             "currency": movement.currency, "cause": movement.cause}
            for movement in movements
        ),
    )  # fmt: skip


def _why(movement: MovementFact) -> str:
    cause = _CAUSES.get(movement.cause, movement.cause)
    reason = plain((movement.reason or "").replace("_", " "), 140)
    return f"{cause} ({reason})" if reason else cause


CONTRACTION_CONTACT = Playbook(
    name="contraction_contact",
    title="Contact after a contraction",
    description="An account that began to pay less is contacted at once.",
    propose=propose,
    defaults=ContractionSettings(priority="high"),
)
