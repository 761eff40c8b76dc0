"""Account that turned excellent: discuss an expansion."""

from collections.abc import Iterator
from datetime import timedelta

from cs_sync.follow_ups.conditions import NO_FAVOURS
from cs_sync.follow_ups.evidence import build_score_evidence
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import build_title, list_advice
from cs_sync.metrics.periods import get_day_start


def propose(view: AccountView, _settings: PlaybookSettings) -> Iterator[Proposal]:
    """Propose one call per stay in the excellent band.

    Its first month is the occasion.
    """
    if view.band == "excellent" and view.band_turned and view.pays:
        since, say = view.band_since or view.today, view.words
        yield Proposal(
            occasion=f"excellent since {since:%Y-%m}",
            since=get_day_start(since, view.zone),
            title=build_title(view, "power_user_expansion.title"),
            body=say("power_user_expansion.why", day=say.day(since, view.today)),
            advice=list_advice(view, "power_user_expansion.say"),
            kind="call",
            evidence=(build_score_evidence(view),),
            stake=view.monthly,
            audience="decider",
        )


POWER_USER_EXPANSION = Playbook(
    name="power_user_expansion",
    title="Expand a power user",
    description="An account that turned excellent is talked to about an expansion.",
    propose=propose,
    defaults=PlaybookSettings(due_in=timedelta(days=7), cool_down=timedelta(days=90)),
    unless=NO_FAVOURS,
)
