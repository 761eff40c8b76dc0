"""Failed charge of a healthy customer: a card problem, not dissatisfaction."""

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field

from cs_sync.follow_ups.invoices import (
    build_invoice_evidence,
    count_days_late,
    get_late_since,
    is_well,
    sort_invoices,
)
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import build_title, format_date, list_advice
from cs_sync.health.wording import to_plain_line


class PaymentSettings(PlaybookSettings):
    """Settings of the playbook: how long it is about the card alone."""

    until_days: int = Field(
        default=7, ge=1, description="Days after which `unpaid_invoice` takes over."
    )
    attempts: int = Field(default=3, ge=2, description="Failed charges, likewise.")


def propose(view: AccountView, settings: PaymentSettings) -> Iterator[Proposal]:
    """Propose one e-mail per invoice whose charge failed."""
    say = view.words
    for invoice in sort_invoices(view):
        fresh = count_days_late(invoice, view) < settings.until_days
        if not (is_well(view) and fresh and 0 < invoice.attempt_count < settings.attempts):
            continue
        amount = say.format_money(invoice.amount_remaining, invoice.currency)
        short = say.format_short_money(invoice.amount_remaining, invoice.currency)
        name = to_plain_line(invoice.number or invoice.source_id, 40)
        day = format_date(invoice.issued_at, view)
        yield Proposal(
            occasion=f"{invoice.source}:{invoice.source_id}",
            of_record=True,
            since=get_late_since(invoice),
            ongoing=True,
            title=build_title(view, "failed_payment.title", amount=short),
            body=say("failed_payment.why", amount=amount, invoice=name, day=day),
            advice=list_advice(view, "failed_payment.say"),
            kind="email",
            evidence=(build_invoice_evidence(invoice, view),),
            audience="payer",
        )


def resolved(view: AccountView, occasion: str, _settings: PlaybookSettings) -> str | None:
    """Return a reason once the invoice is paid, or `unpaid_invoice` took over."""
    if view.occasions.get("unpaid_invoice"):
        return view.words("failed_payment.taken_over")
    unpaid = {f"{invoice.source}:{invoice.source_id}" for invoice in view.invoices}
    return None if occasion in unpaid else view.words("failed_payment.paid")


FAILED_PAYMENT = Playbook(
    name="failed_payment",
    title="Help with a failed payment",
    description="A healthy customer whose charge failed is asked to update the card.",
    propose=propose,
    defaults=PaymentSettings(priority="low", due_in=timedelta(days=2)),
    resolved=resolved,
)
