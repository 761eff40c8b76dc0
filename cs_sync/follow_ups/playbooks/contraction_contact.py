"""Contraction of MRR that counts: contact the account soon."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from pydantic import Field

from cs_sync.follow_ups.conditions import has_unpaid_invoice
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.priority import is_substantial
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView, MovementFact
from cs_sync.follow_ups.wording import build_title, format_date, format_list, list_advice
from cs_sync.health.wording import to_plain_line
from cs_sync.i18n import Translator
from cs_sync_schemas.money import to_major_units

_CAUSES = ("plan", "item", "quantity", "price", "discount", "end", "pause", "payment")


class ContractionSettings(PlaybookSettings):
    """Settings of the contact: which contractions count, and their maximum age."""

    max_age_days: int = Field(default=14, ge=1)
    share: float = Field(
        default=0.1, gt=0, le=1, description="Share of its MRR from which a contraction counts."
    )
    amount: float | None = Field(
        default=None,
        ge=0,
        description="Money per month from which it counts whatever its share, and of which it needs"
        " a quarter in any case; none: a fifth of the customers' median MRR.",
    )


def propose(view: AccountView, settings: ContractionSettings) -> Iterator[Proposal]:
    """Propose one contact per instant of contraction; the instant is the occasion."""
    oldest = view.now - timedelta(days=settings.max_age_days)
    moments: dict[datetime, list[MovementFact]] = defaultdict(list)
    for movement in view.movements:
        covered = movement.cause == "payment" and has_unpaid_invoice(view)
        if movement.kind == "contraction" and oldest <= movement.at <= view.now and not covered:
            moments[movement.at].append(movement)
    for at in sorted(moments):
        movements = sorted(moments[at], key=lambda movement: movement.currency)
        lost = float(sum(to_major_units(fact.amount, fact.currency) for fact in movements))
        if is_substantial(view, lost, settings.share, settings.amount):
            yield _build_proposal(view, movements, lost)


def _build_proposal(view: AccountView, movements: Sequence[MovementFact], lost: float) -> Proposal:
    say, at = view.words, movements[0].at
    amounts = " + ".join(say.format_money(fact.amount, fact.currency) for fact in movements)
    causes = list(dict.fromkeys(_describe_cause(movement, say) for movement in movements))
    short = " + ".join(say.format_short_money(fact.amount, fact.currency) for fact in movements)
    share = say.percent(lost / (view.monthly + lost))
    why = say("contraction_contact.why", amount=amounts, day=format_date(at, view), share=share)
    evidence = [
        {"kind": "mrr_movement", "at": at.isoformat(), "amount": fact.amount,
         "currency": fact.currency, "cause": fact.cause}
        for fact in movements
    ]  # fmt: skip
    evidence += [
        {"kind": "subscription", "source": sub.source, "source_id": sub.source_id, "url": sub.url}
        for sub in view.subscriptions[:1]
    ]
    return Proposal(
        occasion=at.astimezone(UTC).isoformat(),
        since=at,
        title=build_title(view, "contraction_contact.title", amount=short),
        body=f"{why}\n{format_list(*causes)}",
        advice=list_advice(view, "contraction_contact.say"),
        kind="call",
        evidence=tuple(evidence),
        stake=lost,
        audience="decider",
    )


def _describe_cause(movement: MovementFact, say: Translator) -> str:
    has_wording = movement.cause in _CAUSES
    cause = say(f"contraction_contact.cause.{movement.cause}") if has_wording else movement.cause
    reason = to_plain_line((movement.reason or "").replace("_", " "), 140)
    return say("contraction_contact.because", cause=cause, reason=reason) if reason else cause


CONTRACTION_CONTACT = Playbook(
    name="contraction_contact",
    title="Contact after a contraction",
    description="An account that began to pay clearly less is contacted at once.",
    propose=propose,
    defaults=ContractionSettings(priority="high"),
)
