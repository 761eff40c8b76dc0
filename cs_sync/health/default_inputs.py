"""The default inputs of the weighted score, with their weights for the sources there are."""

from collections.abc import Mapping
from typing import Any

USAGE = "usage"
"""The input that decides which weights hold: with a source of it, or without."""

DEFAULT_INPUTS: dict[str, dict[str, Any]] = {
    "usage": {"weight": 40, "signal": "active_days_28", "points": [(0, 0), (10, 50), (20, 100)]},
    # An agreed end is not yet an unpaid bill, but it is red by itself.
    "billing": {"weight": 30, "signal": "billing_standing", "points": [(0, 0), (1, 25), (2, 100)]},
    "support": {"weight": 20, "signal": "tickets_30", "points": [(0, 100), (3, 0)]},
    # Its edges are those of the survey: 6 and less is red, 7 and 8 yellow, 9 and more green.
    "nps": {"weight": 10, "signal": "nps",
            "points": [(0, 0), (6, 30), (7, 50), (9, 85), (10, 100)]},
    "mrr": {"weight": 0, "signal": "mrr_change_90", "points": [(0.5, 0), (1, 100)]},
    "payments": {"weight": 0, "signal": "late_payments_365",
                 "points": [(0, 100), (1, 70), (4, 0)]},
    "contact": {"weight": 0, "signal": "days_since_contact",
                "points": [(30, 100), (90, 50), (180, 0)]},
    "seats": {"weight": 0, "signal": "seat_change_90", "points": [(0.5, 0), (1, 100)]},
    "renewal": {"weight": 0, "signal": "days_to_renewal",
                "points": [(0, 40), (30, 60), (90, 100)]},
    # Above 100: who is well and grows is excellent.
    "growth": {"weight": 5, "signal": "usage_trend_28", "points": [(1, 0), (1.25, 100)],
               "bonus": True},
    "expansion": {"weight": 0, "signal": "mrr_change_90", "points": [(1, 0), (1.25, 100)],
                  "bonus": True},
}  # fmt: skip
"""Usage 40, billing 30, support 20, NPS 10: the weights of the common weighted health score.

Inputs of weight 0 wait for you, and for workspaces without a source of use.
"""

WEIGHTS_WITHOUT_USAGE: Mapping[str, float] = {
    "billing": 40,
    "support": 5,
    "nps": 10,
    "mrr": 20,
    "payments": 5,
    "contact": 10,
    "seats": 5,
    "renewal": 5,
    "expansion": 5,
}
"""What billing and the CRM know stands in for use; a cancellation alone is still not green."""
