"""Invoices, their lines, refunds and credit notes as Stripe shows them."""

from __future__ import annotations

from cs_sync_sandbox.answers import Json
from cs_sync_sandbox.stripe.books import Books, get_customer_id
from cs_sync_sandbox.stripe.objects import convert_unix, make_nested_list, stamp
from cs_sync_sandbox.world.records import Invoice, InvoiceLine, Refund


def make_line(books: Books, record: Invoice, item: InvoiceLine) -> Json:
    """Make an invoice line.

    Its parent says item and proration, pricing says the price.
    """
    price = books.prices[item.price_id]
    unit = price.unit_amount
    return {
        "id": item.id, "object": "line_item", "amount": item.amount, "currency": record.currency,
        "description": item.description,
        "discount_amounts": [{"amount": a, "discount": d} for d, a in item.discounts],
        "discountable": not item.proration, "discounts": [d for d, _ in item.discounts],
        "invoice": record.id, "livemode": False, "metadata": {},
        "parent": _make_line_parent(record, item),
        "period": {"end": stamp(item.end), "start": stamp(item.start)},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price.id, "product": price.product_id},
            "type": "price_details",
            "unit_amount_decimal": f"{unit.normalize():f}" if unit is not None else None,
        },
        "quantity": item.quantity, "quantity_decimal": str(item.quantity),
        "subscription": record.subscription_id, "subtotal": item.amount, "taxes": [],
    }  # fmt: skip


def list_lines(books: Books, record: Invoice) -> list[Json]:
    """Return every line of an invoice."""
    return [make_line(books, record, item) for item in record.lines]


_NO_AUTOMATIC_TAX: Json = {
    "disabled_reason": None, "enabled": False, "liability": None, "provider": None,
    "status": None,
}  # fmt: skip
_DEFAULT_PAYMENT: Json = {
    "default_mandate": None, "payment_method_options": None, "payment_method_types": None,
}  # fmt: skip


def make_invoice(books: Books, record: Invoice) -> Json:
    """Return an invoice; `parent` names the subscription, nothing older does."""
    company = books.customers[get_customer_id(record.account_key)]
    due, paid = record.amount_due, record.amount_due if record.status == "paid" else 0
    discounts = _sum_discounts(record)
    left = 0 if record.status == "void" else due - paid
    balance = min(0, record.total + record.starting_balance)
    return {
        "id": record.id, "object": "invoice", "account_country": "DE", "account_name": "Acme",
        "account_tax_ids": None, "amount_due": due, "amount_overpaid": 0, "amount_paid": paid,
        "amount_paid_off_stripe": 0, "amount_remaining": left, "amount_shipping": 0,
        "application": None, "attempt_count": record.attempts,
        "attempted": record.attempts > 0, "auto_advance": record.status in {"draft", "open"},
        "automatic_tax": dict(_NO_AUTOMATIC_TAX),
        "automatically_finalizes_at": None, "billing_reason": record.reason,
        "collection_method": "send_invoice" if record.due_at else "charge_automatically",
        "created": stamp(record.created_at), "currency": record.currency,
        "custom_fields": None, "customer": get_customer_id(record.account_key),
        "customer_account": None, "customer_address": None,
        "customer_email": company.billing_email, "customer_name": company.name,
        "customer_phone": None, "customer_shipping": None, "customer_tax_exempt": "none",
        "customer_tax_ids": [], "default_payment_method": None, "default_source": None,
        "default_tax_rates": [], "description": None, "discounts": list(discounts),
        "due_date": convert_unix(record.due_at), "effective_at": convert_unix(record.finalized_at),
        "ending_balance": None if record.status == "draft" else balance, "footer": None,
        "from_invoice": None, "hosted_invoice_url": None, "invoice_pdf": None,
        "issuer": {"type": "self"}, "last_finalization_error": None, "latest_revision": None,
        "lines": make_nested_list(list_lines(books, record), f"/v1/invoices/{record.id}/lines"),
        "livemode": False, "metadata": {}, "next_payment_attempt": _find_next_attempt(record),
        "number": record.number, "on_behalf_of": None, "parent": _make_parent(record),
        "payment_settings": dict(_DEFAULT_PAYMENT),
        "period_end": stamp(record.period_end), "period_start": stamp(record.period_start),
        "post_payment_credit_notes_amount": _sum_credits(books, record),
        "pre_payment_credit_notes_amount": 0, "receipt_number": None, "rendering": None,
        "shipping_cost": None, "shipping_details": None,
        "starting_balance": record.starting_balance, "statement_descriptor": None,
        "status": record.status,
        "status_transitions": _make_transitions(record),
        "subtotal": record.subtotal, "subtotal_excluding_tax": record.subtotal,
        "test_clock": None, "total": record.total,
        "total_discount_amounts": [
            {"amount": amount, "discount": id_} for id_, amount in discounts.items()
        ],
        "total_excluding_tax": record.total, "total_pretax_credit_amounts": [],
        "total_taxes": [], "webhooks_delivered_at": None,
    }  # fmt: skip


def _sum_discounts(record: Invoice) -> dict[str, int]:
    """Map discount id → its amount over all lines."""
    discounts: dict[str, int] = {}
    for item in record.lines:
        for id_, amount in item.discounts:
            discounts[id_] = discounts.get(id_, 0) + amount
    return discounts


def _make_transitions(record: Invoice) -> Json:
    closed_at = convert_unix(record.closed_at)
    return {
        "finalized_at": convert_unix(record.finalized_at),
        "marked_uncollectible_at": closed_at if record.status == "uncollectible" else None,
        "paid_at": convert_unix(record.paid_at),
        "voided_at": closed_at if record.status == "void" else None,
    }


def make_refund(_: Books, record: Refund) -> Json:
    """Return a refund."""
    tail = record.invoice_id.removeprefix("in_")
    return {
        "id": f"re_{record.number}", "object": "refund", "amount": record.amount,
        "balance_transaction": None, "charge": f"ch_{tail}",
        "created": stamp(record.created_at), "currency": record.currency,
        "destination_details": {"card": {"type": "refund"}, "type": "card"}, "metadata": {},
        "payment_intent": f"pi_{tail}", "reason": "requested_by_customer",
        "receipt_number": None, "source_transfer_reversal": None, "status": "succeeded",
        "transfer_reversal": None,
    }  # fmt: skip


def make_credit_note(books: Books, record: Refund) -> Json:
    """Return the credit note that belongs to a refund."""
    id_ = f"cn_{record.number}"
    bill = books.invoices[record.invoice_id]
    body: Json = {
        "id": id_, "object": "credit_note", "amount": record.amount, "amount_shipping": 0,
        "created": stamp(record.created_at), "currency": record.currency,
        "customer": get_customer_id(bill.account_key), "customer_account": None,
        "customer_balance_transaction": None, "discount_amount": 0, "discount_amounts": [],
        "effective_at": stamp(record.created_at), "invoice": bill.id,
        "lines": make_nested_list([], f"/v1/credit_notes/{id_}/lines"), "livemode": False,
        "memo": None,
        "metadata": {}, "number": f"{bill.number}-CN-01", "out_of_band_amount": None,
        "pdf": f"https://pay.stripe.example/credit_notes/{id_}.pdf",
        "post_payment_amount": record.amount, "pre_payment_amount": 0,
        "pretax_credit_amounts": [], "reason": "order_change",
        "refunds": [
            {
                "amount_refunded": record.amount, "payment_record_refund": None,
                "refund": f"re_{record.number}", "type": "refund",
            }
        ],
        "shipping_cost": None, "status": "issued", "subtotal": record.amount,
        "subtotal_excluding_tax": record.amount, "total": record.amount,
        "total_excluding_tax": record.amount, "total_taxes": [], "type": "post_payment",
        "voided_at": None,
    }  # fmt: skip
    return body


def _make_parent(record: Invoice) -> Json | None:
    if record.subscription_id is None:
        return None
    return {
        "quote_details": None,
        "subscription_details": {"metadata": {}, "subscription": record.subscription_id},
        "type": "subscription_details",
    }


def _make_line_parent(record: Invoice, item: InvoiceLine) -> Json | None:
    if item.item_id is None:
        return {
            "invoice_item_details": {
                "invoice_item": f"ii_{item.id[3:]}", "proration": False,
                "proration_details": None, "subscription": None,
            },
            "subscription_item_details": None,
            "type": "invoice_item_details",
        }  # fmt: skip
    return {
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": None, "proration": item.proration,
            "proration_details": {"credited_items": None},
            "subscription": record.subscription_id, "subscription_item": item.item_id,
        },
        "type": "subscription_item_details",
    }  # fmt: skip


def _find_next_attempt(record: Invoice) -> int | None:
    if record.status != "open" or record.attempts != 2 or record.finalized_at is None:
        return None
    return stamp(record.finalized_at) + 7 * 86400


def _sum_credits(books: Books, record: Invoice) -> int:
    return sum(r.amount for r in books.refunds.values() if r.invoice_id == record.id)
