"""An account is in the excellent band: it gets so much out of the product that it may want more."""

from collections.abc import Iterator
from datetime import timedelta

from cs_sync.follow_ups.evidence import score_evidence
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import paragraphs, standing
from cs_sync.health.wording import plain


def propose(view: AccountView, _settings: PlaybookSettings) -> Iterator[Proposal]:
    """One talk per time in the excellent band, named by the month in which it began."""
    if view.band == "excellent" and view.pays:
        yield Proposal(
            occasion=f"excellent since {view.band_since or view.today:%Y-%m}",
            since=view.now,
            title=view.words("power_user_expansion.title", account=plain(view.label, 80)),
            body=paragraphs(view.words("power_user_expansion.do"), standing(view)),
            kind="call",
            evidence=(score_evidence(view),),
        )


POWER_USER_EXPANSION = Playbook(
    name="power_user_expansion",
    title="Expand a power user",
    description="An account that turned excellent is talked to about an expansion.",
    propose=propose,
    defaults=PlaybookSettings(due_in=timedelta(days=7), cool_down=timedelta(days=90)),
)
