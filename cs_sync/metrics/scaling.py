"""Rates of churn over other lengths of time than the one in which they were measured."""


def scaled(rate: float, days: float, to_days: float) -> float:
    """The share lost in `to_days` when `rate` is lost in `days`: 1 − (1 − rate)^(to ÷ from).

    Who has left cannot leave again, so 5 % a month is 46 % a year and not 60 % (C. Gold, Fighting
    Churn with Data, listing 2.5). A rate below nought (net churn of a growing base) compounds the
    same way.
    """
    return 1.0 - float((1.0 - min(rate, 1.0)) ** (to_days / days))
