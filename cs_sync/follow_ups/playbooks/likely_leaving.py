"""A paying account has not used the product for 30 days: it is about to leave."""

from collections.abc import Iterator

from pydantic import Field

from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.playbooks.unused_warning import last_use, used_again
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import paragraphs, standing
from cs_sync.health.wording import plain


class LeavingSettings(PlaybookSettings):
    """Also after how many days without use an account counts as leaving."""

    days: int = Field(default=30, ge=1)


def propose(view: AccountView, settings: LeavingSettings) -> Iterator[Proposal]:
    """One call per time without use, named by its last day of use."""
    since, idle, say = view.unused_since, view.unused_days, view.words
    if since is None or idle is None or not view.pays or idle < settings.days:
        return
    yield Proposal(
        occasion=f"unused since {since}",
        since=view.now,
        title=say(
            "likely_leaving.title",
            settings.days,
            account=plain(view.label, 80),
            mrr=say.mrr(view.mrr),
        ),
        body=paragraphs(
            last_use(view),
            say("likely_leaving.do"),
            standing(view),
        ),
        kind="call",
        evidence=({"kind": "unused", "last_day": since.isoformat()},),
    )


LIKELY_LEAVING = Playbook(
    name="likely_leaving",
    title="Save an account that is leaving",
    description="A paying account without use for 30 days is called.",
    propose=propose,
    defaults=LeavingSettings(priority="high"),
    resolved=used_again,
)
