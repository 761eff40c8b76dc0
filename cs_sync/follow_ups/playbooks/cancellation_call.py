"""Subscription with a set end: call before the cancellation."""

from collections.abc import Iterator
from datetime import timedelta

from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import (
    build_title,
    format_money,
    format_near_date,
    list_advice,
)
from cs_sync.health.facts import RunningSubscription
from cs_sync.health.wording import describe_cancel_reason


def propose(view: AccountView, _settings: PlaybookSettings) -> Iterator[Proposal]:
    """Propose one call per subscription and set end date."""
    for ending in view.subscriptions:
        if ending.ends_at is not None and ending.ends_at > view.now and view.pays:
            day, mrr = format_near_date(ending.ends_at, view), format_money(view)
            yield Proposal(
                occasion=_name_occasion(ending),
                of_record=True,
                since=view.now,
                ongoing=True,
                title=build_title(view, "cancellation_call.title", day=day, mrr=mrr),
                body=_describe_end(ending, view),
                advice=list_advice(view, "cancellation_call.say"),
                kind="call",
                evidence=(
                    {"kind": "subscription", "source": ending.source, "source_id": ending.source_id,
                     "ends_at": ending.ends_at.isoformat(), "url": ending.url},
                ),
                stake=view.monthly,
                audience="decider",
            )  # fmt: skip


def _describe_end(ending: RunningSubscription, view: AccountView) -> str:
    """Describe the end with the given reason, known codes by name."""
    day = format_near_date(ending.ends_at, view) if ending.ends_at else ""
    mrr = view.words.mrr(view.mrr)
    why = describe_cancel_reason(ending.cancel_reason or "", view.words)
    if not why:
        return view.words("cancellation_call.why", day=day, mrr=mrr)
    return view.words("cancellation_call.why_reason", day=day, mrr=mrr, why=why)


def resolved(view: AccountView, occasion: str, _settings: PlaybookSettings) -> str | None:
    """Return a reason once the end date is withdrawn.

    A subscription that ended keeps its follow-up.
    """
    for subscription in view.subscriptions:
        if (
            occasion.startswith(f"{subscription.source}:{subscription.source_id} ")
            and subscription.ends_at is None
        ):
            return view.words("cancellation_call.goes_on")
    return None


def _name_occasion(subscription: RunningSubscription) -> str:
    return f"{subscription.source}:{subscription.source_id} ends {subscription.ends_at:%Y-%m-%d}"


CANCELLATION_CALL = Playbook(
    name="cancellation_call",
    title="Call before a cancellation",
    description="An account that cancelled and still has time left is called before cancellation.",
    propose=propose,
    defaults=PlaybookSettings(priority="high", due_in=timedelta(days=1)),
    resolved=resolved,
)
