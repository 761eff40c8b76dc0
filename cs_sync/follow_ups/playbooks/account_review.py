"""An account is in the red band: look at it as a whole."""

from collections.abc import Iterator
from datetime import timedelta

from cs_sync.follow_ups.evidence import score_evidence
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import paragraphs, standing
from cs_sync.health.wording import plain

BETTER = ("yellow", "green", "excellent")


class ReviewSettings(PlaybookSettings):
    """Also whether accounts that pay nothing are reviewed."""

    paying_only: bool = True


def propose(view: AccountView, settings: ReviewSettings) -> Iterator[Proposal]:
    """One review per time in the red band.

    The occasion is the month in which that time began. A score that flickers around the edge does
    not ask again within the month, and a database that was lost, which no longer knows the day,
    finds the same occasion again unless the month has turned.
    """
    if view.band != "red" or (settings.paying_only and not view.pays):
        return
    since, say = view.band_since or view.today, view.words
    yield Proposal(
        occasion=f"red since {since:%Y-%m}",
        since=view.now,
        title=say("account_review.title", account=plain(view.label, 80)),
        body=paragraphs(
            say("account_review.since", day=say.day(since, view.today)),
            standing(view),
            say("account_review.do"),
        ),
        evidence=(score_evidence(view),),
    )


def resolved(view: AccountView, _occasion: str, _settings: PlaybookSettings) -> str | None:
    """The account has left the red band, and it is known which it is in."""
    return band_now(view) if view.band in BETTER else None


def band_now(view: AccountView) -> str:
    """Which band it is in, as the reason why something became needless."""
    return view.words("follow_up.band_now", band=view.words.band(view.band))


ACCOUNT_REVIEW = Playbook(
    name="account_review",
    title="Review a red account",
    description="An account whose health turned red is reviewed as a whole, once per time in red.",
    propose=propose,
    resolved=resolved,
    defaults=ReviewSettings(priority="high", due_in=timedelta(days=2)),
)
