"""A segment converts far better than the whole: move effort there."""

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field

from cs_sync.follow_ups.company import CompanyView, Question
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings
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
    whole = next(view.known(Question(RATE, "quarter")), None)
    if whole is None:
        return
    for row in view.known(Question(RATE, "quarter", settings.by)):
        name = row["segment"].get(settings.by)
        better = row["value"] >= settings.factor * whole["value"]
        if name is None or not better or (row["low"] or 0) <= whole["value"]:
            continue
        yield Proposal(
            occasion=f"{settings.by} {name}, quarter from {row['period_start']}",
            since=view.now,
            title=f"Shift effort to {plain(name, 60)}: {row['value']:.0%} of its trials pay",
            body=(
                f"{row['numerator']:g} of {row['denominator']:g} trials became customers, of"
                f" everybody's {whole['value']:.0%} (quarter from {row['period_start']}).\n\n"
                "Consider moving marketing and customer success there."
            ),
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
