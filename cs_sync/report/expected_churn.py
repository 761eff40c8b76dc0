"""The expected churn in words: its days, its amount with interval, and what it rests on."""

from collections.abc import Iterator

from cs_sync.report.data import ExpectedChurn, ReportData
from cs_sync.report.formats import Formats


def describe_period(loss: ExpectedChurn, formats: Formats) -> str:
    """Name the expected churn with its days."""
    first, last = formats.short_day(loss.first), formats.day(loss.last)
    return formats.words("report.expected.title", first=first, last=last)


def format_interval(loss: ExpectedChurn, formats: Formats) -> str:
    """Format the interval of the expected MRR; empty without one."""
    if loss.low is None or loss.high is None:
        return ""
    low, high = formats.format_money(loss.low), formats.format_money(loss.high)
    return formats.words("report.expected.interval", low=low, high=high)


def list_basis(data: ReportData, formats: Formats) -> Iterator[str]:
    """Yield what the order of accounts rests on.

    And how far it can be trusted.
    """
    words, loss = formats.words, data.expected_churn
    if loss is None:
        if data.backtest is None:
            yield words("report.expected.not_judged")
        else:
            accepted = data.backtest.find_subject("model")["verdict"] == "signal"
            key = "report.expected.unusable" if accepted else "report.expected.refused"
            yield words(key, day=formats.day(data.backtest.judged_on))
        return
    yield words("report.expected.basis", loss.accounts)
    if loss.low is None:
        yield words("report.expected.no_interval")
    else:
        covered, judged = formats.number(loss.covered), formats.number(loss.judged)
        yield words("report.expected.held", covered=covered, judged=judged)
