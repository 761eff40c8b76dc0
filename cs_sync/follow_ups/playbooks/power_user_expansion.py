"""Account in the excellent band: discuss an expansion."""

from collections.abc import Iterator
from datetime import timedelta

from cs_sync.follow_ups.evidence import build_score_evidence
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import describe_account, join_paragraphs
from cs_sync.health.wording import to_plain_line


def propose(view: AccountView, _settings: PlaybookSettings) -> Iterator[Proposal]:
    """Propose one call per stay in the excellent band; its first month is the occasion."""
    if view.band == "excellent" and view.pays:
        yield Proposal(
            occasion=f"excellent since {view.band_since or view.today:%Y-%m}",
            since=view.now,
            title=view.words("power_user_expansion.title", account=to_plain_line(view.label, 80)),
            body=join_paragraphs(view.words("power_user_expansion.do"), describe_account(view)),
            kind="call",
            evidence=(build_score_evidence(view),),
        )


POWER_USER_EXPANSION = Playbook(
    name="power_user_expansion",
    title="Expand a power user",
    description="An account that turned excellent is talked to about an expansion.",
    propose=propose,
    defaults=PlaybookSettings(due_in=timedelta(days=7), cool_down=timedelta(days=90)),
)
