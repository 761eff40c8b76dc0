"""Subscription with a set end: call before the cancellation."""

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import describe_account, join_paragraphs
from cs_sync.health.facts import RunningSubscription
from cs_sync.health.wording import to_plain_line


def propose(view: AccountView, _settings: PlaybookSettings) -> Iterator[Proposal]:
    """Propose one call per subscription and set end date."""
    say = view.words
    for ending in view.subscriptions:
        if ending.ends_at is not None and ending.ends_at > view.now and view.pays:
            day = say.day(ending.ends_at.astimezone(ZoneInfo(view.zone)).date(), view.today)
            why = to_plain_line((ending.cancel_reason or "").replace("_", " "), 60)
            summary = say("cancellation_call.told", day=day)
            if why:
                summary = say("cancellation_call.told_why", day=day, why=why)
            yield Proposal(
                occasion=_name_occasion(ending),
                of_record=True,
                since=view.now,
                title=say(
                    "cancellation_call.title",
                    account=to_plain_line(view.label, 80),
                    day=day,
                    mrr=say.mrr(view.mrr),
                ),
                body=join_paragraphs(summary, say("cancellation_call.do"), describe_account(view)),
                kind="call",
                evidence=(
                    {"kind": "subscription", "source": ending.source, "source_id": ending.source_id,
                     "ends_at": ending.ends_at.isoformat(), "url": ending.url},
                ),
            )  # fmt: skip


def resolved(view: AccountView, occasion: str, _settings: PlaybookSettings) -> str | None:
    """Return a reason once the end date is withdrawn; an ended subscription keeps it."""
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
    description="An account that cancelled and still has time left is called before it leaves.",
    propose=propose,
    defaults=PlaybookSettings(priority="high", due_in=timedelta(days=1)),
    resolved=resolved,
)
