"""Fewer of an account's people are satisfied than before: act before it pays less or leaves."""

from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction

from pydantic import Field

from cs_sync.follow_ups.drops import Drop, Timeline, find_drops, has_fallen
from cs_sync.follow_ups.evidence import build_answer_evidence
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import build_title, format_list, list_advice

MAX_ANSWERS = 3
"""Comments that a task quotes."""


class CsatSettings(PlaybookSettings):
    """Also which days are compared, and what a drop is."""

    days: int = Field(
        default=30, ge=7, le=90, description="The last days, against as many before them."
    )
    fall: float = Field(
        default=0.25, gt=0, le=1, description="By how much the share of satisfied people fell."
    )
    answers: int = Field(
        default=5, ge=2, description="Fewer people who answered, on either side, tell nothing."
    )
    surveys: tuple[str, ...] = Field(default=(), description="Those that count; none: all.")


def propose(view: AccountView, settings: CsatSettings) -> Iterator[Proposal]:
    """Propose a follow-up per drop; further unsatisfied answers are its news."""
    if len(view.ratings) < 2 * settings.answers:  # of so many people on either side
        return
    timeline, fall = _build_timeline(view, settings), Fraction(str(settings.fall))
    if not has_fallen(timeline, view.now, fall, settings.answers):
        return
    *_, drop = find_drops(timeline, view.now, fall, settings.answers)
    say, before, now = view.words, timeline.before(view.now), timeline.recent(view.now)
    facts = tuple(build_answer_evidence(rating, view) for rating in timeline.news(view.now))
    why = say(
        "csat_drop.why", settings.days,
        now=say.number(now.satisfied),
        now_of=say.number(now.answers),
        before=say.number(before.satisfied),
        before_of=say.number(before.answers),
    )  # fmt: skip
    yield Proposal(
        occasion=next(iter(view.occasions.get("csat_drop", ())), _name_occasion(drop)),
        of_record=True,
        since=drop.since,
        title=build_title(
            view,
            "csat_drop.title",
            before=say.percent(float(before.rate), 0),
            now=say.percent(float(now.rate), 0),
        ),
        body=f"{why}\n{format_list(*(fact['text'] for fact in facts[-MAX_ANSWERS:]))}",
        advice=list_advice(view, "csat_drop.say"),
        evidence=facts,
        stake=view.monthly,
    )


def resolved(view: AccountView, occasion: str, settings: CsatSettings) -> str | None:
    """Return a reason once enough people answered and satisfaction is nearly back."""
    timeline, fall = _build_timeline(view, settings), Fraction(str(settings.fall))
    drops = find_drops(timeline, view.now, fall, settings.answers)
    drop = next((drop for drop in drops if _name_occasion(drop) == occasion), None)
    now = timeline.recent(view.now)
    if drop is None or now.answers < settings.answers or drop.before.rate - now.rate >= fall:
        return None
    say = view.words
    satisfied, answers = say.number(now.satisfied), say.number(now.answers)
    return say("csat_drop.recovered", now=satisfied, now_of=answers)


def _build_timeline(view: AccountView, settings: CsatSettings) -> Timeline:
    surveys = settings.surveys
    ratings = [rating for rating in view.ratings if not surveys or rating.survey in surveys]
    return Timeline(ratings, settings.days)


def _name_occasion(drop: Drop) -> str:
    return f"{drop.first.source}:{drop.first.source_id}"


CSAT_DROP = Playbook(
    name="csat_drop",
    title="Ask why satisfaction fell",
    description="An account whose share of satisfied people (CSAT) fell is asked what changed.",
    propose=propose,
    defaults=CsatSettings(due_in=timedelta(days=3), cool_down=timedelta(days=30)),
    resolved=resolved,
)
