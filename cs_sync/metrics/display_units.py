"""Display units of ratios: percentages, multiples or plain numbers."""

_DISPLAY_UNITS = {
    "quick_ratio": "times",
    "ltv_cac": "times",
    "ltv_crc": "times",
    "trial_conversion_lift": "times",
    "advocate_lift": "times",
    "advocate_lift_by_feature": "times",
    "tickets_per_account": "count",
}
"""Ratios that are not shares of anything: an LTV of three times the CAC is 3.0×, not 300 %."""


def get_display_unit(metric: str, unit: str) -> str:
    """Return the display unit of a metric.

    Its data keeps its own unit.
    """
    return _DISPLAY_UNITS.get(metric, unit)
