"""Working time: due times outside it move to its next moment."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from cs_sync.settings import Settings

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAY_END = time(17)
"""When a day's work ends where no business hours are set."""
WEEK: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class WorkingTime(Settings):
    """Workdays and business hours: Monday to Friday by default, at any hour."""

    workdays: tuple[Weekday, ...] = Field(
        default=WEEK[:5], min_length=1, description='Days of work: ["mon", "tue", …].'
    )
    business_hours: tuple[time, time] | None = Field(
        default=None,
        description='Hours of work: ["09:00", "17:00"], in the reporting zone.',
        examples=[["09:00", "17:00"]],
    )
    holidays: frozenset[date] = Field(
        default=frozenset(),
        description="Days without work: [2026-12-25, …].",
        examples=[[date(2026, 12, 25)]],
    )

    @model_validator(mode="after")
    def _forward(self) -> "WorkingTime":
        if self.business_hours and self.business_hours[0] >= self.business_hours[1]:
            raise ValueError(
                "business_hours must end after they begin; write the earlier time first"
            )
        return self

    def next(self, at: datetime, zone: str) -> datetime:
        """Return the next instant within working time, in UTC.

        `at` itself if it is within. Without business hours, an instant moved to another day keeps
        its time of day.

        Args:
            at: The instant to move.
            zone: The zone of the business hours.
        """
        local = at.astimezone(ZoneInfo(zone))
        opens, closes = self.business_hours or (time.min, time.max)
        if self._is_workday(local.date()) and opens <= local.time() <= closes:
            return at
        day = local.date()
        if not self._is_workday(day) or local.time() > closes:
            day = self._find_next_workday(day)
            opens = opens if self.business_hours else local.time()
        return datetime.combine(day, opens, tzinfo=ZoneInfo(zone)).astimezone(UTC)

    def end_day(self, at: datetime, zone: str) -> datetime:
        """Return the end of work on the day of an instant (UTC)."""
        closes = self.business_hours[1] if self.business_hours else DAY_END
        local = at.astimezone(ZoneInfo(zone))
        return datetime.combine(local.date(), closes, tzinfo=ZoneInfo(zone)).astimezone(UTC)

    def _is_workday(self, day: date) -> bool:
        return WEEK[day.weekday()] in self.workdays and day not in self.holidays

    def _find_next_workday(self, day: date) -> date:
        """Return the next workday within a year.

        The next day if there is none.
        """
        following = (day + timedelta(days=ahead) for ahead in range(1, 367))
        return next((d for d in following if self._is_workday(d)), day + timedelta(days=1))
