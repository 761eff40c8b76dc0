"""Paying account without use for 30 days: call before it cancels."""

from collections.abc import Iterator

from pydantic import Field

from cs_sync.follow_ups.conditions import is_ending
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.playbooks.unused_warning import describe_last_use, describe_new_use
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import build_title, format_money, list_advice


class LeavingSettings(PlaybookSettings):
    """Settings of the call: the number of days without use."""

    days: int = Field(default=30, ge=1)


def propose(view: AccountView, settings: LeavingSettings) -> Iterator[Proposal]:
    """Propose one call per period without use.

    Its last day of use is the occasion.
    """
    since, idle = view.unused_since, view.unused_days
    if since is None or idle is None or not view.pays or idle < settings.days:
        return
    yield Proposal(
        occasion=f"unused since {since}",
        since=view.now,
        ongoing=True,
        title=build_title(view, "likely_leaving.title", settings.days, mrr=format_money(view)),
        body=describe_last_use(view),
        advice=list_advice(view, "likely_leaving.say"),
        kind="call",
        evidence=({"kind": "unused", "last_day": since.isoformat()},),
        stake=view.monthly,
        audience="decider",
    )


LIKELY_LEAVING = Playbook(
    name="likely_leaving",
    title="Save an account that is leaving",
    description="A paying account without use for 30 days is called.",
    propose=propose,
    defaults=LeavingSettings(priority="high"),
    resolved=describe_new_use,
    unless=(is_ending,),
)
