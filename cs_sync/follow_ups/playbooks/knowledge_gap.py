"""Account that turned yellow, with a known adoption gap: help with that gap."""

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field

from cs_sync.follow_ups.adoption import find_unused_features, list_open_steps
from cs_sync.follow_ups.conditions import has_unpaid_invoice, is_ending
from cs_sync.follow_ups.evidence import build_score_evidence
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.playbooks.account_review import describe_band
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import build_title, format_list, list_advice
from cs_sync.health.wording import to_plain_line
from cs_sync.metrics.periods import get_day_start

MAX_GAPS = 3


class GapSettings(PlaybookSettings):
    """Settings of the playbook: the share of users that makes a feature popular.

    The absence of a popular feature is a gap.
    """

    popular_from: float = Field(default=0.5, gt=0, le=1)


def propose(view: AccountView, settings: GapSettings) -> Iterator[Proposal]:
    """Propose one email per stay in yellow, if there is a gap."""
    if view.band != "yellow" or not view.band_turned:
        return
    gaps = _describe_gaps(view, settings)
    if not gaps:
        return
    since, say = view.band_since or view.today, view.words
    why = say("knowledge_gap.why", day=say.day(since, view.today))
    yield Proposal(
        occasion=f"yellow since {since:%Y-%m}",
        since=get_day_start(since, view.zone),
        title=build_title(view, "knowledge_gap.title"),
        body=f"{why}\n{format_list(*gaps)}",
        advice=list_advice(view, "knowledge_gap.say"),
        kind="email",
        evidence=(build_score_evidence(view),),
    )


def _describe_gaps(view: AccountView, settings: GapSettings) -> list[str]:
    say = view.words
    steps = [
        say("knowledge_gap.step", step=to_plain_line(step.step, 80))
        for step in list_open_steps(view)
    ]
    features = [
        say(
            "knowledge_gap.feature",
            feature=to_plain_line(name, 80),
            share=say.percent(view.popular[name]),
        )
        for name in find_unused_features(view, settings.popular_from)
    ]
    return [*steps[:MAX_GAPS], *features[:MAX_GAPS]]


def resolved(view: AccountView, _occasion: str, _settings: PlaybookSettings) -> str | None:
    """Return the new band once the account is green or excellent."""
    return describe_band(view) if view.band in ("green", "excellent") else None


KNOWLEDGE_GAP = Playbook(
    name="knowledge_gap",
    title="Close a knowledge gap",
    description="An account that turned yellow is helped with the steps and features it lacks.",
    propose=propose,
    defaults=GapSettings(due_in=timedelta(days=5), cool_down=timedelta(days=30)),
    resolved=resolved,
    unless=(is_ending, has_unpaid_invoice),
)
