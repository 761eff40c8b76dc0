"""Input of a company-wide playbook: the KPIs it requested."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from cs_sync.i18n import ENGLISH, Translator

KpiRow = Mapping[str, Any]
"""A KPI with the fields that `cs-sync metrics` prints."""


@dataclass(frozen=True, slots=True)
class Question:
    """A metric of the last whole period of a grain, in total or by an attribute."""

    metric: str
    grain: str = "month"
    by: str | None = None


@dataclass(frozen=True, slots=True)
class CompanyView:
    """The own company at `now` (UTC)."""

    now: datetime
    kpis: Mapping[Question, tuple[KpiRow, ...]] = field(default_factory=dict)
    zone: str = "UTC"
    words: Translator = field(default=ENGLISH, repr=False)

    @property
    def today(self) -> date:
        """The day of `now` in the reporting zone."""
        return self.now.astimezone(ZoneInfo(self.zone)).date()

    def known(self, question: Question) -> Iterator[KpiRow]:
        """Yield the rows of a question with a fresh value.

        Args:
            question: The requested metric.
        """
        for row in self.kpis.get(question, ()):
            if row["value"] is not None and row["status"] in ("final", "provisional"):
                yield row
