"""An account has set an end to its subscription: talk before it comes."""

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import paragraphs, standing
from cs_sync.health.facts import SubscriptionFact
from cs_sync.health.wording import plain


def propose(view: AccountView, _settings: PlaybookSettings) -> Iterator[Proposal]:
    """One call per subscription and the end that was set to it."""
    say = view.words
    for one in view.subscriptions:
        if one.ends_at is not None and one.ends_at > view.now and view.pays:
            day = say.day(one.ends_at.astimezone(ZoneInfo(view.zone)).date(), view.today)
            why = plain((one.cancel_reason or "").replace("_", " "), 60)
            told = say("cancellation_call.told", day=day)
            if why:
                told = say("cancellation_call.told_why", day=day, why=why)
            yield Proposal(
                occasion=_occasion(one),
                of_record=True,
                since=view.now,
                title=say(
                    "cancellation_call.title",
                    account=plain(view.label, 80),
                    day=day,
                    mrr=say.mrr(view.mrr),
                ),
                body=paragraphs(told, say("cancellation_call.do"), standing(view)),
                kind="call",
                evidence=(
                    {"kind": "subscription", "source": one.source, "source_id": one.source_id,
                     "ends_at": one.ends_at.isoformat(), "url": one.url},
                ),
            )  # fmt: skip


def resolved(view: AccountView, occasion: str, _settings: PlaybookSettings) -> str | None:
    """The subscription goes on; one that has ended does not."""
    for one in view.subscriptions:
        if occasion.startswith(f"{one.source}:{one.source_id} ") and one.ends_at is None:
            return view.words("cancellation_call.goes_on")
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
