"""The summary of a report for an e-mail: a subject and a few sentences."""

from typing import Any

from msgspec import Struct

from cs_sync.report.data import ExpectedChurn, ReportData
from cs_sync.report.expected_churn import describe_period, format_interval
from cs_sync.report.first_screen import answer_agenda, answer_risk, list_calls
from cs_sync.report.formats import UNKNOWN, Formats
from cs_sync.report.risk import RiskSum

REPORT_FIELDS = (
    *("report", "as_of", "currency", "mrr", "mrr_at_risk", "expected_churn", "low", "high"),
    *("expected_from", "expected_until", "priority_basis", "verdict", "churned"),
    *("needed_churned", "judged_on"),
)
"""Fields of `cs-sync report --format json`."""


class ReportSummary(Struct, frozen=True):
    """What a report says in short, in its language."""

    subject: str
    sentences: tuple[str, ...]


def summarize_report(data: ReportData) -> ReportSummary:
    """Summarize the answers of the first screen."""
    formats = Formats(data.words, data.timezone, data.currency)
    words, risk, agenda = data.words, answer_risk(data), answer_agenda(data)
    sums = {kind: formats.format_money(amount) for kind, (_, amount) in agenda.sums.items()}
    due = sum(call.state != "later" for call in list_calls(data))
    net, loss = sum(data.month.now.moves.values()) if data.month else None, data.expected_churn
    subject = words(
        "report.mail.subject",
        workspace=data.workspace,
        day=formats.day(data.as_of),
        amount=formats.format_money(risk.now.total),
    )
    return ReportSummary(
        " ".join(subject.split()),
        (
            words(
                "report.mail.risk",
                amount=formats.format_money(risk.now.total),
                share=formats.percent(risk.now.share),
                change=formats.format_signed_money(risk.now.total - risk.before.total),
            ),
            *([_describe_loss(loss, formats)] if loss else []),
            words("report.mail.calls", due),
            words(
                "report.mail.agenda",
                leaving=sums["leaving"],
                renewal=sums["renewal"],
                unpaid=sums["unpaid"],
            ),
            words(
                "report.mail.month",
                net=UNKNOWN if net is None else formats.format_signed_money(net),
            ),
            words("report.mail.attached"),
        ),
    )


def _describe_loss(loss: ExpectedChurn, formats: Formats) -> str:
    interval = format_interval(loss, formats)
    amount = formats.format_money(loss.expected)
    return f"{describe_period(loss, formats)}: {amount}" + (f" ({interval})" if interval else "")


def build_figures(data: ReportData, risk: RiskSum) -> dict[str, Any]:
    """Build the figures of `cs-sync report --format json`, all but the path.

    The expected churn is None while no model is accepted, the verdict before the first
    backtest that was kept.

    Args:
        data: The data of the report.
        risk: The MRR at risk of its accounts today.
    """
    loss = data.expected_churn
    score = data.backtest.find_subject("score") if data.backtest else {}
    return {
        "as_of": data.as_of,
        "currency": data.currency,
        "mrr": risk.mrr,
        "mrr_at_risk": risk.total,
        "expected_churn": loss and loss.expected,
        "low": loss and loss.low,
        "high": loss and loss.high,
        "expected_from": loss and loss.first,
        "expected_until": loss and loss.last,
        "priority_basis": "churn_probability" if loss else "missing_health",
        "verdict": score.get("verdict"),
        "churned": score.get("churned"),
        "needed_churned": score.get("needed_churned"),
        "judged_on": data.backtest and data.backtest.judged_on,
    }
