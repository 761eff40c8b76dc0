"""Product usage and onboarding progress."""

from datetime import date, datetime

from sqlmodel import Field

from cs_sync_schemas.record import Record
from cs_sync_schemas.times import Instant


class UsageDay(Record, table=True):
    """The usage of one person on one day; without contact, of the whole account."""

    __tablename__ = "usage_day"

    account_source_id: str | None = Field(default=None, index=True)
    contact_source_id: str | None = Field(default=None, index=True)
    day: date = Field(index=True, description="In the reporting zone.")
    events: int = Field(default=0, ge=0)
    sessions: int | None = Field(default=None, ge=0)
    seconds: int | None = Field(default=None, ge=0, description="Time spent in sessions.")


class FeatureDay(Record, table=True):
    """The usage of one feature by one account on one day."""

    __tablename__ = "feature_day"

    account_source_id: str = Field(index=True)
    contact_source_id: str | None = Field(default=None, index=True)
    feature: str
    day: date = Field(index=True)
    users: int = Field(default=0, ge=0)
    events: int = Field(default=0, ge=0)
    seconds: int | None = Field(default=None, ge=0, description="Time spent in it.")


class OnboardingStep(Record, table=True):
    """One step of an account's onboarding checklist."""

    __tablename__ = "onboarding_step"

    account_source_id: str = Field(index=True)
    checklist: str = "onboarding"
    step: str
    required: bool = True
    due_at: datetime | None = Field(default=None, sa_type=Instant)
    done_at: datetime | None = Field(default=None, sa_type=Instant)
