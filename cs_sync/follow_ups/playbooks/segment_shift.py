"""A segment converts far better than the whole: move effort there."""

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field

from cs_sync.follow_ups.company import CompanyView, Question
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.wording import paragraphs
from cs_sync.health.wording import plain

RATE = "trial_conversion_rate"


class SegmentSettings(PlaybookSettings):
    """Also the attribute of accounts that makes the segments, and what far better means."""

    by: str = "industry"
    factor: float = Field(default=1.5, gt=1, description="Times the rate of everybody.")


def asks(settings: SegmentSettings) -> Iterator[Question]:
    """The rate of everybody, and of each segment."""
    yield Question(RATE, "quarter")
    yield Question(RATE, "quarter", settings.by)


def propose(view: CompanyView, settings: SegmentSettings) -> Iterator[Proposal]:
    """One follow-up per quarter and segment whose lead is too large to be chance.

    Chance: the lower end of the segment's interval must lie above the rate of everybody.
    """
    say, whole = view.words, next(view.known(Question(RATE, "quarter")), None)
    if whole is None:
        return
    for row in view.known(Question(RATE, "quarter", settings.by)):
        name = row["segment"].get(settings.by)
        better = row["value"] >= settings.factor * whole["value"]
        if name is None or not better or (row["low"] or 0) <= whole["value"]:
            continue
        told = say(
            "segment_shift.told",
            paid=say.number(row["numerator"]),
            trials=say.number(row["denominator"]),
            whole=say.percent(whole["value"]),
            day=row["period_start"],
        )
        rate = say.percent(row["value"])
        yield Proposal(
            occasion=f"{settings.by} {name}, quarter from {row['period_start']}",
            since=view.now,
            title=say("segment_shift.title", segment=plain(name, 60), rate=rate),
            body=paragraphs(told, say("segment_shift.do")),
            evidence=({"kind": "kpi", "metric": RATE, "segment": name, "value": row["value"]},),
        )


SEGMENT_SHIFT = Playbook(
    name="segment_shift",
    title="Shift to a better segment",
    description="A segment whose trials convert far better than all is worth more effort.",
    propose=propose,
    defaults=SegmentSettings(priority="low", due_in=timedelta(days=14)),
    scope="company",
    asks=asks,
)
