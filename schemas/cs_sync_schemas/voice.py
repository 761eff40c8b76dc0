"""Survey answers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import String
from sqlmodel import Field

from cs_sync_schemas.record import Record
from cs_sync_schemas.times import Instant


class SurveyResponse(Record, table=True):
    """One answer of one person to one survey, on the survey's own scale."""

    __tablename__ = "survey_response"

    account_source_id: str | None = Field(default=None, index=True)
    contact_source_id: str | None = Field(default=None, index=True)
    kind: Literal["nps", "csat", "ces", "custom"] = Field(sa_type=String)
    survey: str | None = Field(default=None, description="Name of the survey.")
    score: float | None = Field(default=None, description="None: asked, answered in words only.")
    scale_min: float | None = None
    scale_max: float | None = None
    higher_is_better: bool = True
    comment: str | None = None
    answered_at: datetime = Field(index=True, sa_type=Instant)

    @classmethod
    def rule(cls, row: Mapping[str, Any]) -> str | None:
        """Require the scale of a score, and 0 to 10 for NPS."""
        score, low, high = row["score"], row["scale_min"], row["scale_max"]
        if score is None:
            return None
        if low is None or high is None:
            hint = "; NPS is asked from 0 to 10" if row["kind"] == "nps" else ""
            return f"{row['kind']} score without scale_min and scale_max: say its scale{hint}"
        if row["kind"] == "nps" and (low, high) != (0, 10):
            return f"NPS is asked on a scale of 0 to 10, not {low:g} to {high:g}"
        if not low <= score <= high:
            return f"score {score:g} is outside its scale {low:g} to {high:g}"
        return None
