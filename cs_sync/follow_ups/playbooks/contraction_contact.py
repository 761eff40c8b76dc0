"""Contraction of MRR: contact the account soon."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from pydantic import Field

from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView, MovementFact
from cs_sync.follow_ups.wording import (
    describe_account,
    format_instant,
    format_list,
    join_paragraphs,
)
from cs_sync.health.wording import to_plain_line
from cs_sync.i18n import Translator

_CAUSES = ("plan", "item", "quantity", "price", "discount", "end", "pause", "payment")


class ContractionSettings(PlaybookSettings):
    """Settings of the contact: the maximum age of a contraction."""

    max_age_days: int = Field(default=14, ge=1)


def propose(view: AccountView, settings: ContractionSettings) -> Iterator[Proposal]:
    """Propose one contact per instant of contraction; the instant is the occasion."""
    oldest = view.now - timedelta(days=settings.max_age_days)
    moments: dict[datetime, list[MovementFact]] = defaultdict(list)
    for movement in view.movements:
        if movement.kind == "contraction" and oldest <= movement.at <= view.now:
            moments[movement.at].append(movement)
    for at in sorted(moments):
        yield _build_proposal(view, at, sorted(moments[at], key=lambda movement: movement.currency))


def _build_proposal(view: AccountView, at: datetime, movements: Sequence[MovementFact]) -> Proposal:
    say = view.words
    amounts = [say.money(movement.amount, movement.currency) for movement in movements]
    facts = [
        say("contraction_contact.less", amount=amount, why=_describe_cause(movement, say))
        for amount, movement in zip(amounts, movements, strict=True)
    ]
    since = say("contraction_contact.since", when=format_instant(at, view))
    account, lost = to_plain_line(view.label, 80), " + ".join(amounts)
    return Proposal(
        occasion=at.astimezone(UTC).isoformat(),
        since=at,
        title=say("contraction_contact.title", account=account, amount=lost),
        body=join_paragraphs(
            f"{since}\n{format_list(*facts)}",
            say("contraction_contact.do"),
            describe_account(view),
        ),
        kind="call",
        evidence=tuple(
            {"kind": "mrr_movement", "at": at.isoformat(), "amount": movement.amount,
             "currency": movement.currency, "cause": movement.cause}
            for movement in movements
        ),
    )  # fmt: skip


def _describe_cause(movement: MovementFact, say: Translator) -> str:
    has_wording = movement.cause in _CAUSES
    cause = say(f"contraction_contact.cause.{movement.cause}") if has_wording else movement.cause
    reason = to_plain_line((movement.reason or "").replace("_", " "), 140)
    return say("contraction_contact.why", cause=cause, reason=reason) if reason else cause


CONTRACTION_CONTACT = Playbook(
    name="contraction_contact",
    title="Contact after a contraction",
    description="An account that began to pay less is contacted at once.",
    propose=propose,
    defaults=ContractionSettings(priority="high"),
)
