"""Invoice that stays unpaid: ask for it, by days late and failed charges."""

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field

from cs_sync.follow_ups.invoices import (
    build_invoice_evidence,
    count_days_late,
    describe_invoice,
    get_late_since,
    is_well,
    sort_invoices,
)
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import build_title, list_advice
from cs_sync_schemas.money import to_major_units


class UnpaidSettings(PlaybookSettings):
    """Settings of the playbook: from when on an invoice is asked for."""

    days: int = Field(default=7, ge=1, description="Days late, of a customer who is well.")
    attempts: int = Field(default=3, ge=1, description="Or so many failed charges.")
    louder: tuple[int, ...] = Field(
        default=(14, 30, 60), description="Days late that are news of it; from the first: high."
    )


def propose(view: AccountView, settings: UnpaidSettings) -> Iterator[Proposal]:
    """Propose one follow-up until all is paid.

    Its oldest invoice is the occasion. A failed charge of an account that is not well may be a way
    to leave: it does not wait.
    """
    late = sort_invoices(view)
    due = [
        invoice
        for invoice in late
        if count_days_late(invoice, view) >= settings.days
        or invoice.attempt_count >= settings.attempts
        or (invoice.attempt_count and not is_well(view))
    ]
    if not due:
        return
    oldest, say = due[0], view.words
    days = count_days_late(oldest, view)
    amount = say.format_short_money(oldest.amount_remaining, oldest.currency)
    stages = [stage for stage in settings.louder if days >= stage]
    why, advice = [describe_invoice(oldest, view)], "unpaid_invoice.say"
    if is_well(view) and oldest.attempt_count:
        why, advice = [*why, say("unpaid_invoice.card")], "failed_payment.say"
    elif is_well(view):
        why.append(say("unpaid_invoice.well"))
    yield Proposal(
        occasion=next(
            iter(view.occasions.get("unpaid_invoice", ())), f"{oldest.source}:{oldest.source_id}"
        ),
        of_record=True,
        since=get_late_since(oldest) + timedelta(days=min(days, settings.days)),
        ongoing=True,
        title=build_title(view, "unpaid_invoice.title", days, amount=amount),
        body=" ".join(why),
        advice=list_advice(view, advice),
        kind="call",
        evidence=(
            *(build_invoice_evidence(invoice, view) for invoice in late),
            *({"kind": "late", "id": f"late {n}", "text": say("unpaid_invoice.news", n)}
              for n in stages),
        ),
        priority="high" if stages else None,
        stake=view.monthly or float(to_major_units(oldest.amount_remaining, oldest.currency)),
        audience="payer",
    )  # fmt: skip


def resolved(view: AccountView, _occasion: str, _settings: PlaybookSettings) -> str | None:
    """Return a reason once nothing is overdue."""
    return None if view.invoices else view.words("unpaid_invoice.paid")


UNPAID_INVOICE = Playbook(
    name="unpaid_invoice",
    title="Ask for an unpaid invoice",
    description="An invoice that stays unpaid is asked for, by days late and failed charges.",
    propose=propose,
    defaults=UnpaidSettings(due_in=timedelta(days=2)),
    resolved=resolved,
)
