"""What a company-wide playbook is shown: the KPIs that it asked for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from cs_sync.words import ENGLISH, Words

KpiRow = Mapping[str, Any]
"""A KPI with the fields that `cs-sync metrics` prints."""


@dataclass(frozen=True, slots=True)
class Question:
    """A metric of the last whole period of a grain, for everybody or by an attribute."""

    metric: str
    grain: str = "month"
    by: str | None = None


@dataclass(frozen=True, slots=True)
class CompanyView:
    """Our own company as it stands at `now` (UTC)."""

    now: datetime
    kpis: Mapping[Question, tuple[KpiRow, ...]] = field(default_factory=dict)
    zone: str = "UTC"
    words: Words = field(default=ENGLISH, repr=False)

    @property
    def today(self) -> date:
        """The day of `now` in the reporting zone."""
        return self.now.astimezone(ZoneInfo(self.zone)).date()

    def known(self, question: Question) -> Iterator[KpiRow]:
        """The answers to a question that may be acted upon: known, and not out of date."""
        for row in self.kpis.get(question, ()):
            if row["value"] is not None and row["status"] in ("final", "provisional"):
                yield row
