"""An account has set an end to its subscription: talk before it comes."""

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import mrr_text, paragraphs, standing
from cs_sync.health.facts import SubscriptionFact
from cs_sync.health.wording import day_text, plain


def propose(view: AccountView, _settings: PlaybookSettings) -> Iterator[Proposal]:
    """One call per subscription and the end that was set to it."""
    for one in view.subscriptions:
        if one.ends_at is not None and one.ends_at > view.now and view.pays:
            ends = one.ends_at.astimezone(ZoneInfo(view.zone)).date()
            why = plain((one.cancel_reason or "").replace("_", " "), 60)
            yield Proposal(
                occasion=_occasion(one),
                since=view.now,
                title=f"Call {plain(view.label, 80)} before it leaves on"
                f" {day_text(ends, view.today)}: {mrr_text(view.mrr)} at stake",
                body=paragraphs(
                    f"A subscription was cancelled and ends on {day_text(ends, view.today)}"
                    + (f"; the reason given: {why}." if why else "."),
                    "Find out what would have to be true for them to stay.",
                    standing(view),
                ),
                kind="call",
                evidence=(
                    {"kind": "subscription", "source": one.source, "source_id": one.source_id,
                     "ends_at": one.ends_at.isoformat(), "url": one.url},
                ),
            )  # fmt: skip


def resolved(view: AccountView, occasion: str) -> str | None:
    """The subscription goes on; one that has ended does not."""
    for one in view.subscriptions:
        if occasion.startswith(f"{one.source}:{one.source_id} ") and one.ends_at is None:
            return "the subscription goes on"
    return None


def _occasion(one: SubscriptionFact) -> str:
    return f"{one.source}:{one.source_id} ends {one.ends_at:%Y-%m-%d}"


CANCELLATION_CALL = Playbook(
    name="cancellation_call",
    title="Call before a cancellation",
    description="An account that cancelled and still has time left is called before it leaves.",
    propose=propose,
    defaults=PlaybookSettings(priority="high", due_in=timedelta(days=1)),
    resolved=resolved,
)
