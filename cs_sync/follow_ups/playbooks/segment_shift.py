"""Segment with a far better trial conversion than the total: shift effort to it."""

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field

from cs_sync.follow_ups.company import CompanyView, Question
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.health.wording import to_plain_line

RATE = "trial_conversion_rate"


class SegmentSettings(PlaybookSettings):
    """Settings of the playbook: the account attribute of the segments, and the lead required."""

    by: str = "industry"
    factor: float = Field(default=1.5, gt=1, description="Times the rate of everybody.")


def asks(settings: SegmentSettings) -> Iterator[Question]:
    """Request the rate in total, and by segment."""
    yield Question(RATE, "quarter")
    yield Question(RATE, "quarter", settings.by)


def propose(view: CompanyView, settings: SegmentSettings) -> Iterator[Proposal]:
    """Propose one follow-up per quarter and segment with a significant lead.

    Significant: the lower end of the segment's interval is above the total rate.
    """
    say, whole = view.words, next(view.known(Question(RATE, "quarter")), None)
    if whole is None:
        return
    for row in view.known(Question(RATE, "quarter", settings.by)):
        name = row["segment"].get(settings.by)
        better = row["value"] >= settings.factor * whole["value"]
        if name is None or not better or (row["low"] or 0) <= whole["value"]:
            continue
        summary = say(
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
            title=say("segment_shift.title", segment=to_plain_line(name, 60), rate=rate),
            body=summary,
            advice=(say("segment_shift.do"),),
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
