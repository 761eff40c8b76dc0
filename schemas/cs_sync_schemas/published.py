"""What a run publishes for BI: KPIs and MRR by month, read through views."""

from datetime import date, datetime

from sqlalchemy import BigInteger
from sqlmodel import Field

from cs_sync_schemas.record import StoredRow
from cs_sync_schemas.times import Instant


class PublishedKpi(StoredRow, table=True):
    """One value of a metric for one month, currency and value of its dimension."""

    __tablename__ = "kpi"

    metric: str = Field(primary_key=True, description="Name of the metric.")
    period_start: date = Field(primary_key=True, description="First day of the month.")
    currency: str = Field(primary_key=True, description="ISO 4217; empty if not money.")
    dimension_value: str = Field(
        primary_key=True, description="What the row is of, such as a reason; empty: the whole."
    )
    period_end: date = Field(description="First day after the month.")
    dimension: str = Field(description="What the metric is split by; empty if by nothing.")
    value: float | None = Field(default=None, description="Unknown or undefined: empty.")
    unit: str = Field(description="ratio, money_minor, count, score, days or seconds.")
    numerator: float | None = Field(default=None, description="Money in minor units.")
    denominator: float | None = Field(default=None, description="Money in minor units.")
    n: int | None = Field(default=None, sa_type=BigInteger, description="What it rests on.")
    low: float | None = Field(default=None, description="Lower end of the 95 % interval.")
    high: float | None = Field(default=None, description="Upper end of the 95 % interval.")
    status: str = Field(description="final, provisional, insufficient or stale.")
    stale_since: datetime | None = Field(
        default=None, sa_type=Instant, description="Time of the last good data, if a stream failed."
    )
    changed_at: datetime = Field(sa_type=Instant, description="When a run last found it changed.")


class PublishedMrr(StoredRow, table=True):
    """The MRR bridge of one month in one currency, in minor units."""

    __tablename__ = "mrr_month"

    month: date = Field(primary_key=True, description="First day of the month.")
    currency: str = Field(primary_key=True, description="ISO 4217.")
    ends_at: datetime = Field(sa_type=Instant, description="The instant at which the month ends.")
    opening: int = Field(sa_type=BigInteger, description="MRR at the beginning.")
    new: int = Field(sa_type=BigInteger, description="First MRR of accounts.")
    reactivation: int = Field(sa_type=BigInteger, description="MRR of accounts that came back.")
    expansion: int = Field(sa_type=BigInteger, description="More MRR of accounts that stayed.")
    contraction: int = Field(sa_type=BigInteger, description="Less MRR of accounts that stayed.")
    churn: int = Field(sa_type=BigInteger, description="MRR of accounts that left.")
    fx: int = Field(sa_type=BigInteger, description="Change by exchange rates, signed.")
    restatement: int = Field(
        sa_type=BigInteger, description="What was learnt later of closed months, signed."
    )
    closing: int = Field(sa_type=BigInteger, description="MRR at the end.")
    changed_at: datetime = Field(sa_type=Instant, description="When a run last found it changed.")


class Publication(StoredRow, table=True):
    """The last run that published, and what its figures rest on: one row."""

    __tablename__ = "publication"

    name: str = Field(primary_key=True, description="Always workspace.")
    run_id: str = Field(description="The run.")
    published_at: datetime = Field(
        sa_type=Instant, description="When it published: how fresh the views are."
    )
    day: date = Field(description="The day of its scores, in the reporting zone.")
    policy: str = Field(description="Hash of the MRR policy.")
    mode: str = Field(description="Mode of the health score.")
    timezone: str = Field(description="The reporting zone.")
    currency: str | None = Field(default=None, description="The reporting currency.")
    views: str = Field(description="Digest of the views' definitions.")
