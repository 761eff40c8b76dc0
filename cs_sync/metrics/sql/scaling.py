"""Scaling of churn rates to other lengths of time."""


def scale_rate(rate: float, days: float, to_days: float) -> float:
    """Scale a churn rate: 1 − (1 − rate)^(to ÷ from).

    A lost customer cannot be lost again: 5 % a month is 46 % a year, not 60 % (C. Gold,
    Fighting Churn with Data, listing 2.5). A negative rate (net churn of a growing base)
    compounds the same way.
    """
    return 1.0 - float((1.0 - min(rate, 1.0)) ** (to_days / days))
