"""Accepted models put into the database, as `analyse fit` would."""

from datetime import UTC, datetime
from typing import Any

import orjson

from cs_sync.foresight.inputs import name_definition
from cs_sync.foresight.model import HazardModel, Term
from cs_sync.foresight.stored_models import dump_model
from tests.jobs.road import Place

MODEL = HazardModel(-2.0, (Term("days_since_use", 0.0, 0.0, 1.0),))
"""Log-odds −2 + ln(1 + days since use)."""

BINS: list[dict[str, Any]] = [
    {"high": 0.4, "n": 300, "accounts": 80, "predicted": 0.2, "observed": 0.1},
    {"high": 0.8, "n": 400, "accounts": 118, "predicted": 0.5, "observed": 0.26},
]
"""Of 700 month ends 134 ended in leaving: 19.1 % on average, twice of it are 38.3 %."""


def keep_model(place: Place, target: str, **changed: Any) -> None:
    """Keep a model of this target, of the policy of the MRR there is."""
    policy = place.select("SELECT DISTINCT policy FROM mrr_span")[0]["policy"]
    row = {
        "target": target, "version": 1, "run_id": "r",
        "fitted_at": datetime(2026, 3, 1, tzinfo=UTC), "accepted": True, "policy": policy,
        "revision": name_definition(()), "data_cut": "2026-01-31",
        "horizon_days": 30, "lead_days": 14,
        "coefficients": orjson.dumps(dump_model(MODEL)).decode(),
        "judgement": orjson.dumps({"bins": BINS}).decode(), **changed,
    }  # fmt: skip
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    place.write_row(f"INSERT INTO foresight_model ({names}) VALUES ({marks})", *row.values())
