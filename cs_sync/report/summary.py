"""The summary of a report for an e-mail: a subject and a few sentences."""

from dataclasses import dataclass

from cs_sync.report.data import ReportData
from cs_sync.report.first_screen import answer_agenda, answer_risk, list_calls
from cs_sync.report.formats import UNKNOWN, Formats


@dataclass(frozen=True, slots=True)
class ReportSummary:
    """What a report says in short, in its language."""

    subject: str
    sentences: tuple[str, ...]


def summarize_report(data: ReportData) -> ReportSummary:
    """Summarize the answers of the first screen."""
    formats = Formats(data.words, data.timezone, data.currency)
    words, risk, agenda = data.words, answer_risk(data), answer_agenda(data)
    sums = {kind: formats.format_money(amount) for kind, (_, amount) in agenda.sums.items()}
    due = sum(call.state != "later" for call in list_calls(data, data.generated_at))
    net = sum(data.month.now.moves.values()) if data.month else None
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
