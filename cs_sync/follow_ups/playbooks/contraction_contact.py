"""An account pays less than before: get in touch while it is fresh."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from pydantic import Field

from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView, MovementFact
from cs_sync.follow_ups.wording import instant_text, listed, paragraphs, standing
from cs_sync.health.wording import plain
from cs_sync.words import Words

_CAUSES = ("plan", "item", "quantity", "price", "discount", "end", "pause", "payment")


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
    say = view.words
    amounts = [say.money(movement.amount, movement.currency) for movement in movements]
    facts = [
        say("contraction_contact.less", amount=amount, why=_why(movement, say))
        for amount, movement in zip(amounts, movements, strict=True)
    ]
    since = say("contraction_contact.since", when=instant_text(at, view))
    account, lost = plain(view.label, 80), " + ".join(amounts)
    return Proposal(
        occasion=at.astimezone(UTC).isoformat(),
        since=at,
        title=say("contraction_contact.title", account=account, amount=lost),
        body=paragraphs(
            f"{since}\n{listed(*facts)}",
            say("contraction_contact.do"),
            standing(view),
        ),
        kind="call",
        evidence=tuple(
            {"kind": "mrr_movement", "at": at.isoformat(), "amount": movement.amount,
             "currency": movement.currency, "cause": movement.cause}
            for movement in movements
        ),
    )  # fmt: skip


def _why(movement: MovementFact, say: Words) -> str:
    known = movement.cause in _CAUSES
    cause = say(f"contraction_contact.cause.{movement.cause}") if known else movement.cause
    reason = plain((movement.reason or "").replace("_", " "), 140)
    return say("contraction_contact.why", cause=cause, reason=reason) if reason else cause


CONTRACTION_CONTACT = Playbook(
    name="contraction_contact",
    title="Contact after a contraction",
    description="An account that began to pay less is contacted at once.",
    propose=propose,
    defaults=ContractionSettings(priority="high"),
)
