"""Facts about our own business: costs, exchange rates, funnel, quality, referrals."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from sqlalchemy import BigInteger, String
from sqlmodel import Field

from cs_sync_schemas.money import Currency, ExactDecimal
from cs_sync_schemas.record import Record
from cs_sync_schemas.times import Instant


class Referral(Record, table=True):
    """An account recommended us to somebody."""

    __tablename__ = "referral"

    account_source_id: str = Field(index=True, description="Who recommended.")
    referred: str | None = Field(default=None, description="Who was recommended to.")
    referred_at: datetime = Field(sa_type=Instant)
    converted_at: datetime | None = Field(default=None, sa_type=Instant)


class Cost(Record, table=True):
    """Money spent in one month for one purpose."""

    __tablename__ = "cost"

    month: date = Field(description="First day of the month.")
    purpose: Literal["acquisition", "retention", "service"] = Field(sa_type=String)
    line: str | None = Field(default=None, description="What it was spent on, e.g. salaries.")
    amount: int = Field(sa_type=BigInteger, description="Minor units.")
    currency: Currency


class FxRate(Record, table=True):
    """The price of one unit of `base` in `quote` on one day."""

    __tablename__ = "fx_rate"

    day: date = Field(index=True)
    base: Currency
    quote: Currency
    rate: Decimal = Field(gt=0, sa_type=ExactDecimal)


class FunnelDay(Record, table=True):
    """Visitors, leads and conversions of one day."""

    __tablename__ = "funnel_day"

    day: date = Field(index=True)
    goal: str | None = Field(default=None, description="What counts as a conversion.")
    visitors: int = Field(default=0, ge=0)
    leads: int = Field(default=0, ge=0)
    conversions: int = Field(default=0, ge=0)


class QualityDay(Record, table=True):
    """How well the product itself worked on one day."""

    __tablename__ = "quality_day"

    day: date = Field(index=True)
    defects: int | None = Field(default=None, ge=0)
    downtime_seconds: int | None = Field(default=None, ge=0)
    response_seconds: float | None = Field(default=None, ge=0, description="Mean of the day.")
    requests: int | None = Field(default=None, ge=0, description="Weight of response_seconds.")
