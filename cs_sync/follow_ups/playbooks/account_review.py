"""Account in the red band: review it as a whole."""

from collections.abc import Iterator
from datetime import timedelta

from cs_sync.follow_ups.conditions import is_ending
from cs_sync.follow_ups.evidence import build_score_evidence
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import build_title, list_advice

RECOVERED_BANDS = ("yellow", "green", "excellent")


class ReviewSettings(PlaybookSettings):
    """Settings of the review: whether to review accounts that pay nothing."""

    paying_only: bool = True


def propose(view: AccountView, settings: ReviewSettings) -> Iterator[Proposal]:
    """Propose one review per stay in the red band.

    The occasion is the month of the stay's first day. A score flickering around the edge is
    proposed once a month, and a lost database finds the same occasion until the month ends.
    """
    if view.band != "red" or (settings.paying_only and not view.pays):
        return
    since, say = view.band_since or view.today, view.words
    yield Proposal(
        occasion=f"red since {since:%Y-%m}",
        since=view.now,
        ongoing=True,
        title=build_title(view, "account_review.title"),
        body=say("account_review.why", day=say.day(since, view.today)),
        advice=list_advice(view, "account_review.say"),
        evidence=(build_score_evidence(view),),
        audience="decider",
    )


def resolved(view: AccountView, _occasion: str, _settings: PlaybookSettings) -> str | None:
    """Return the new band once the account has left red.

    A known band only.
    """
    return describe_band(view) if view.band in RECOVERED_BANDS else None


def describe_band(view: AccountView) -> str:
    """Describe the current band, as the reason for closing a follow-up."""
    return view.words("follow_up.band_now", band=view.words.band(view.band))


ACCOUNT_REVIEW = Playbook(
    name="account_review",
    title="Review a red account",
    description="An account whose health turned red is reviewed as a whole, once per time in red.",
    propose=propose,
    resolved=resolved,
    defaults=ReviewSettings(priority="high", due_in=timedelta(days=2)),
    unless=(is_ending,),
)
