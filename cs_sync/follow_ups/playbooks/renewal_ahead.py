"""Annual plan that renews soon: prepare the renewal."""

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

from pydantic import Field

from cs_sync.follow_ups.conditions import is_ending, is_small
from cs_sync.follow_ups.facts import RenewalFact
from cs_sync.follow_ups.invoices import is_safe
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings, Priority
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import (
    build_title,
    format_money,
    format_near_date,
    list_advice,
)

URGENT_DAYS, EARLY_DAYS = 30, 60
"""Days ahead up to which a renewal is urgent if in doubt, and from which it is early."""


class RenewalSettings(PlaybookSettings):
    """Settings of the playbook: how long before a renewal it begins, and is repeated."""

    days: tuple[int, ...] = Field(
        default=(90, 60, 30), min_length=1, description="Days ahead; the later ones are news of it."
    )


def propose(view: AccountView, settings: RenewalSettings) -> Iterator[Proposal]:
    """Propose one follow-up per subscription and renewal; its date is the occasion.

    A stage that was reached before the connection waits for the next one.
    """
    for renewal in view.renewals:
        left = _count_days(renewal, view)
        stages = sorted((days for days in settings.days if days >= left), reverse=True)
        if left < 0 or not stages or not view.pays:
            continue
        say, mrr = view.words, view.words.mrr(view.mrr)
        day = format_near_date(renewal.renews_at, view)
        yield Proposal(
            occasion=_name_occasion(renewal),
            of_record=True,
            since=renewal.renews_at - timedelta(days=stages[-1]),
            ongoing=left <= URGENT_DAYS,
            title=build_title(view, "renewal_ahead.title", day=day, mrr=format_money(view)),
            body=say("renewal_ahead.why", left, day=day, mrr=mrr),
            advice=list_advice(view, "renewal_ahead.say"),
            kind="call",
            evidence=(
                {"kind": "subscription", "source": renewal.source, "source_id": renewal.source_id,
                 "renews_at": renewal.renews_at.isoformat(), "url": renewal.url},
                *({"kind": "renewal", "id": f"renewal {n}", "text": say("renewal_ahead.news", n)}
                  for n in stages),
            ),
            priority=_get_priority(left, safe=is_safe(view)),
            stake=view.monthly,
            audience="decider",
        )  # fmt: skip


def resolved(view: AccountView, occasion: str, _settings: PlaybookSettings) -> str | None:
    """Return a reason once the subscription was renewed or cancelled."""
    for renewal in view.renewals:
        own = occasion.startswith(f"{renewal.source}:{renewal.source_id} ")
        if own and _name_occasion(renewal) != occasion:
            return view.words("renewal_ahead.renewed")
    return view.words("renewal_ahead.cancelled") if is_ending(view) else None


def _get_priority(left: int, *, safe: bool) -> Priority:
    if left <= URGENT_DAYS and not safe:
        return "high"
    return "medium" if left <= EARLY_DAYS else "low"


def _count_days(renewal: RenewalFact, view: AccountView) -> int:
    return (renewal.renews_at.astimezone(ZoneInfo(view.zone)).date() - view.today).days


def _name_occasion(renewal: RenewalFact) -> str:
    return f"{renewal.source}:{renewal.source_id} renews {renewal.renews_at:%Y-%m-%d}"


RENEWAL_AHEAD = Playbook(
    name="renewal_ahead",
    title="Prepare a renewal",
    description="An annual plan that renews within 90 days is prepared: at 90, 60 and 30 days.",
    propose=propose,
    defaults=RenewalSettings(due_in=timedelta(days=7)),
    resolved=resolved,
    unless=(is_ending, is_small),
)
