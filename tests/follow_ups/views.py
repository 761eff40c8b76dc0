"""One account for the tests of playbooks: Acme on Friday 21 November 2025, 09:00 UTC."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from cs_sync.follow_ups import (
    AccountView,
    FollowUpDraft,
    MovementFact,
    PersonFact,
    plan_follow_ups,
)
from cs_sync.follow_ups.playbooks import PLAYBOOKS
from cs_sync.health.facts import (
    AnswerFact,
    FeatureFact,
    OverdueInvoice,
    RatingFact,
    StepFact,
    TicketFact,
    UsageFact,
)

NOW = datetime(2025, 11, 21, 9, tzinfo=UTC)


def at(day: int, hour: int = 12, month: int = 11) -> datetime:
    return datetime(2025, month, day, hour, 5, tzinfo=UTC)


def view(**fields: Any) -> AccountView:
    given: dict[str, Any] = {
        "id": "acme", "now": NOW, "name": "Acme", "owner_source": "hubspot",
        "owner_source_id": "7", "score": 33.3, "band": "yellow", "mrr": {"EUR": 120_000},
        "reasons": ("3 tickets in the last 30 days",), "zone": "Europe/Warsaw",
    }  # fmt: skip
    return AccountView(**(given | fields))


def answer(score: float, name: str = "1", **fields: Any) -> AnswerFact:
    given: dict[str, Any] = {
        "source": "hubspot", "source_id": name, "kind": "nps", "score": score, "scale_max": 10,
        "person_name": "Ana Lopez", "comment": "too slow", "answered_at": at(20),
    }  # fmt: skip
    return AnswerFact(**(given | fields))


def rating(number: int, satisfied: bool, answered_at: datetime, **fields: Any) -> RatingFact:
    given: dict[str, Any] = {
        "source": "zendesk", "source_id": str(number), "person": f"p{number}", "survey": None,
        "score": 5 if satisfied else 2, "satisfied": satisfied, "person_name": "Ana Lopez",
        "comment": None, "answered_at": answered_at,
    }  # fmt: skip
    return RatingFact(**(given | fields))


def movement(kind: str = "contraction", **fields: Any) -> MovementFact:
    given: dict[str, Any] = {
        "at": at(20), "kind": kind, "amount": 2_500, "currency": "EUR", "cause": "item",
    }  # fmt: skip
    return MovementFact(**(given | fields))


def ticket(name: str, topic: str | None = "integration", **fields: Any) -> TicketFact:
    given: dict[str, Any] = {
        "source": "zendesk", "source_id": name, "subject": "It breaks", "topic": topic,
        "url": None, "opened_at": at(int(name)), "is_open": False,
    }  # fmt: skip
    return TicketFact(**(given | fields))


def usage(last: int, recent: int = 5, earlier: int = 5, people: int = 2) -> UsageFact:
    """Last used on a day of November (or, below 1, of October)."""
    day = date(2025, 11, last) if last > 0 else date(2025, 10, 31 + last)
    return UsageFact(recent, earlier, day, people)


def feature(name: str, recent: int = 3) -> FeatureFact:
    return FeatureFact(name, date(2025, 11, 20), recent)


def step(name: str, **fields: Any) -> StepFact:
    given: dict[str, Any] = {
        "source": "files", "source_id": f"acme {name}", "checklist": "onboarding", "step": name,
        "required": True, "due_at": None, "done_at": None,
    }  # fmt: skip
    return StepFact(**(given | fields))


def invoice(name: str = "1", days: int = 10, **fields: Any) -> OverdueInvoice:
    """An invoice that was due so many days before today."""
    given: dict[str, Any] = {
        "source": "stripe", "source_id": name, "number": f"INV-{name}",
        "issued_at": NOW - timedelta(days=days), "due_at": NOW - timedelta(days=days),
        "amount_remaining": 12_000, "currency": "EUR", "url": f"https://pay.example/{name}",
    }  # fmt: skip
    return OverdueInvoice(**(given | fields))


def person(name: str, **fields: Any) -> PersonFact:
    return PersonFact(f"hubspot:{name.lower()}", name, **fields)


def resolved(playbook: str, seen: AccountView, occasion: str) -> str | None:
    """Why a follow-up of this occasion has become needless."""
    chosen = PLAYBOOKS[playbook]
    assert chosen.resolved is not None
    return chosen.resolved(seen, occasion, chosen.defaults)


def drafts(playbook: str, *views: AccountView, **settings: Any) -> list[FollowUpDraft]:
    """What one playbook leads to."""
    chosen = PLAYBOOKS[playbook]
    kind = type(chosen.defaults)
    changed = kind.model_validate({**chosen.defaults.model_dump(), **settings})
    return plan_follow_ups(views, {playbook: chosen}, {playbook: changed}).drafts
