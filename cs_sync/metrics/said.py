"""How people say ratios: most as a share of a hundred, some as multiples, some as plain numbers."""

_SAID = {
    "quick_ratio": "times",
    "ltv_cac": "times",
    "ltv_crc": "times",
    "trial_conversion_lift": "times",
    "advocate_lift": "times",
    "advocate_lift_by_feature": "times",
    "tickets_per_account": "count",
}
"""Ratios that are no share of anything: an LTV of three times the CAC is 3.0×, not 300 %."""


def said_as(metric: str, unit: str) -> str:
    """The unit in which a metric's value is shown to people; its data keeps its own."""
    return _SAID.get(metric, unit)
