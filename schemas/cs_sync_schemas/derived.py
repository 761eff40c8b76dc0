"""Derived data: MRR spans and movements, KPIs, health scores, follow-ups."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger
from sqlmodel import Field

from cs_sync_schemas.record import StoredRow
from cs_sync_schemas.times import Instant


class MrrSpan(StoredRow, table=True):
    """An account's MRR in one currency, `amount` in `[valid_from, valid_to)`.

    Bitemporal: known in `[known_from, known_to)`.
    """

    __tablename__ = "mrr_span"

    account_id: str = Field(primary_key=True)
    policy: str = Field(primary_key=True, description="Hash of the MRR policy.")
    currency: str = Field(primary_key=True)
    valid_from: datetime = Field(primary_key=True, sa_type=Instant)
    known_from: datetime = Field(primary_key=True, sa_type=Instant)
    valid_to: datetime | None = Field(default=None, sa_type=Instant)
    known_to: datetime | None = Field(default=None, sa_type=Instant)
    amount: int = Field(sa_type=BigInteger, description="Minor units.")
    parts: list[dict[str, Any]] = Field(
        default_factory=list, sa_type=JSON, description="Per item; their amounts sum to amount."
    )
    reconstructed: bool = Field(default=False, description="Rebuilt, not proven by the source.")


class MrrMovement(StoredRow, table=True):
    """One change of an account's MRR, at the instant it took effect."""

    __tablename__ = "mrr_movement"

    account_id: str = Field(primary_key=True)
    policy: str = Field(primary_key=True)
    currency: str = Field(primary_key=True)
    at: datetime = Field(primary_key=True, sa_type=Instant)
    known_from: datetime = Field(primary_key=True, sa_type=Instant)
    known_to: datetime | None = Field(default=None, sa_type=Instant)
    kind: str = Field(description="new reactivation expansion contraction churn")
    amount: int = Field(sa_type=BigInteger, description="Minor units, positive magnitude.")
    cause: str = Field(description="start plan quantity item price discount pause end …")
    reason: str | None = Field(default=None, description="Why, where the source says.")


class HealthScore(StoredRow, table=True):
    """An account's health on one day, with its reasons."""

    __tablename__ = "health_score"

    account_id: str = Field(primary_key=True)
    as_of: date = Field(primary_key=True, index=True)
    mode: str = Field(primary_key=True)
    model: str = Field(description="Hash of weights, maps and bands.")
    computed_at: datetime = Field(sa_type=Instant)
    score: float | None = None
    band: str = Field(description="red yellow green excellent, or insufficient")
    coverage: float
    contributions: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    reasons: list[str] = Field(default_factory=list, sa_type=JSON)


class ScoreBand(StoredRow, table=True):
    """The band of an account's scores from a day on: a row for each change."""

    __tablename__ = "score_band"

    account_id: str = Field(primary_key=True)
    mode: str = Field(primary_key=True)
    since: date = Field(primary_key=True, description="The first day with a score in this band.")
    band: str


class ForesightModel(StoredRow, table=True):
    """A fitted model of what accounts do within a horizon: frozen numbers and their judgement."""

    __tablename__ = "foresight_model"

    target: str = Field(primary_key=True, description="churn voluntary involuntary …")
    version: int = Field(primary_key=True, description="Counts up, per target.")
    run_id: str
    fitted_at: datetime = Field(sa_type=Instant)
    accepted: bool = Field(description="It was informative when it was judged.")
    policy: str = Field(description="Hash of the MRR policy.")
    revision: str = Field(description="What its inputs rest on: their definition, active features.")
    data_cut: date = Field(description="The last month end that it learnt from.")
    horizon_days: int
    lead_days: int
    coefficients: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    judgement: dict[str, Any] = Field(
        default_factory=dict, sa_type=JSON, description="Its row of the backtest."
    )


class ForesightJudgement(StoredRow, table=True):
    """What a backtest found of the health score, its rivals and the model, for the report."""

    __tablename__ = "foresight_judgement"

    version: int = Field(primary_key=True, description="That of the models fitted with it.")
    run_id: str
    judged_at: datetime = Field(sa_type=Instant)
    policy: str = Field(description="Hash of the MRR policy.")
    model: str = Field(description="Hash of the health model that was judged.")
    data_cut: date = Field(description="The last month end that was judged.")
    horizon_days: int
    lead_days: int
    subjects: list[dict[str, Any]] = Field(
        default_factory=list, sa_type=JSON, description="Rows of the backtest: who leaves."
    )
    bands: list[dict[str, Any]] = Field(
        default_factory=list, sa_type=JSON, description="What became of each band, in all months."
    )
    forecasts: list[dict[str, Any]] = Field(
        default_factory=list, sa_type=JSON, description="What was expected, and what was lost."
    )


class FollowUp(StoredRow, table=True):
    """A task for a colleague: one per account, playbook and occasion."""

    __tablename__ = "follow_up"

    key: str = Field(primary_key=True)
    account_id: str = Field(index=True, description="Empty: it concerns the company as a whole.")
    playbook: str
    occasion: str = Field(description="What tells this follow-up from the next of its kind.")
    title: str
    body: str
    priority: str = Field(description="low medium high")
    kind: str = Field(default="todo", description="todo call email")
    due_at: datetime = Field(sa_type=Instant)
    owner_source: str | None = None
    owner_source_id: str | None = None
    assignee: str | None = Field(default=None, description="E-mail address of who gets it.")
    evidence: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    at_risk: float = Field(default=0.0, description="Money per month at risk that day.")
    score: float | None = Field(default=None, description="At its creation, as band and mrr.")
    band: str | None = None
    mrr: dict[str, int] = Field(default_factory=dict, sa_type=JSON, description="Minor units.")
    state: str = Field(default="open", description="waiting open held_out done deleted resolved")
    touched: bool = Field(default=False, description="Somebody has begun it at the destination.")
    created_at: datetime = Field(sa_type=Instant)
    opened_at: datetime | None = Field(
        default=None, sa_type=Instant, description="Since when it may be written."
    )
    ended_at: datetime | None = Field(
        default=None, sa_type=Instant, description="Done, deleted, or found to be needless."
    )
    reason: str | None = Field(default=None, description="Why it was needless.")
    why: str | None = Field(default=None, description="The reason in a sentence.")
    advice: list[str] | None = Field(default=None, sa_type=JSON, description="What to say.")
    language: str | None = Field(default=None, description="In which its texts are.")
    happened_at: datetime | None = Field(
        default=None,
        sa_type=Instant,
        description="When its event happened; empty for what goes on.",
    )
    contact_id: str | None = Field(default=None, description="The person to speak to.")
    lead: str | None = Field(
        default=None, description="Key of the task that speaks for it; empty for a task of its own."
    )
    task: dict[str, Any] | None = Field(
        default=None, sa_type=JSON, description="What its task says once it speaks for several."
    )
