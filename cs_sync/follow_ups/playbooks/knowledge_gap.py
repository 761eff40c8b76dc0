"""An account is in the yellow band and the gap is known: help with just that."""

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field

from cs_sync.follow_ups.evidence import score_evidence
from cs_sync.follow_ups.gaps import open_steps, unused_features
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.playbooks.account_review import band_now
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import listed, paragraphs, standing
from cs_sync.health.wording import plain

SHOWN = 3


class GapSettings(PlaybookSettings):
    """Also what share of accounts must use a feature for its absence to be a gap."""

    popular_from: float = Field(default=0.5, gt=0, le=1)


def propose(view: AccountView, settings: GapSettings) -> Iterator[Proposal]:
    """One nudge per time in the yellow band, and only when there is something to teach."""
    if view.band != "yellow":
        return
    say = view.words
    steps = [say("knowledge_gap.step", step=plain(one.step, 80)) for one in open_steps(view)]
    features = [
        say(
            "knowledge_gap.feature",
            feature=plain(name, 80),
            share=say.percent(view.popular[name]),
        )
        for name in unused_features(view, settings.popular_from)
    ]
    gaps = [*steps[:SHOWN], *features[:SHOWN]]
    if not gaps:
        return
    yield Proposal(
        occasion=f"yellow since {view.band_since or view.today:%Y-%m}",
        since=view.now,
        title=say("knowledge_gap.title", account=plain(view.label, 80)),
        body=paragraphs(f"{say('knowledge_gap.told')}\n{listed(*gaps)}", standing(view)),
        kind="email",
        evidence=(score_evidence(view),),
    )


def resolved(view: AccountView, _occasion: str, _settings: PlaybookSettings) -> str | None:
    """The account does well again."""
    return band_now(view) if view.band in ("green", "excellent") else None


KNOWLEDGE_GAP = Playbook(
    name="knowledge_gap",
    title="Close a knowledge gap",
    description="An account that turned yellow is helped with the steps and features it lacks.",
    propose=propose,
    defaults=GapSettings(due_in=timedelta(days=5), cool_down=timedelta(days=30)),
    resolved=resolved,
)
