"""The sentence of each signal: its value with its evidence."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import lru_cache, partial

from cs_sync.health.facts import AccountEvidence, AnswerFact, OverdueInvoice, TicketFact, UsageFact
from cs_sync.health.scope import SignalScope
from cs_sync.health.signal_words import describe_own_signal
from cs_sync.health.signals.mrr import count_seats
from cs_sync.health.signals.registry import parse_feature
from cs_sync.health.wording import append_quote, describe_cancel_reason, name_topic, to_plain_line
from cs_sync.i18n import Translator

MAX_TICKETS_NAMED = 5
"""How many tickets are named before the rest is only counted."""
LARGE_GROWTH = 3
"""From here on growth is a multiple: `4.2 times` says more than `320%`."""
PAYING = 2
"""The value of the billing signal where nothing is unpaid and nothing ends."""


def describe_tickets(
    value: float, evidence: AccountEvidence, scope: SignalScope, words: Translator
) -> str:
    """Describe recent tickets with their topic and numbers.

    `3 tickets in the last 30 days, all about integration: #512 #518 #523`.
    """
    text = words("reason.tickets", int(value))
    if not evidence.tickets:
        return text
    since = scope.since(30)
    recent = [ticket for ticket in evidence.tickets if ticket.opened_at >= since]
    return _format_tickets(text, recent, words)


def describe_open_tickets(
    value: float, evidence: AccountEvidence, _scope: SignalScope, words: Translator
) -> str:
    """Return `2 open tickets, both about export: #8 #9`."""
    waiting = [ticket for ticket in evidence.tickets if ticket.is_open]
    return _format_tickets(words("reason.waiting", int(value)), waiting, words)


def describe_topic(tickets: Sequence[TicketFact], words: Translator) -> str:
    """Describe the topic that stands out, if one does.

    `all about integration` or `2 about export`.
    """
    topics: dict[str, int] = {}
    for ticket in tickets:
        if ticket.topic:
            topics[ticket.topic] = topics.get(ticket.topic, 0) + 1
    if not topics:
        return ""
    (topic, number) = min(topics.items(), key=lambda item: (-item[1], item[0]))
    name = name_topic(topic, words)
    if number < len(tickets):
        return words("reason.topic_of_some", number, topic=name) if number > 1 else ""
    how = {1: "one", 2: "both"}.get(number, "all")
    return words(f"reason.topic_of_{how}", topic=name)


def _format_tickets(text: str, tickets: Sequence[TicketFact], words: Translator) -> str:
    topic = describe_topic(tickets, words)
    oldest_first = sorted(tickets, key=lambda ticket: (ticket.opened_at, ticket.source_id))
    names = " ".join(
        f"#{to_plain_line(ticket.source_id, 40)}" for ticket in oldest_first[-MAX_TICKETS_NAMED:]
    )
    more = len(tickets) - MAX_TICKETS_NAMED
    if topic:
        text = words("reason.with_topic", text=text, topic=topic)
    if more > 0:
        names = words("reason.more_names", more, names=names)
    return words("reason.with_names", text=text, names=names) if names else text


def describe_usage(
    value: float, evidence: AccountEvidence, scope: SignalScope, words: Translator
) -> str:
    """Return `Active on 4 of the last 28 days (previous 28: 15)`.

    Who began later than 56 days ago has no such 28 days to compare with.
    """
    usage = evidence.usage
    if value:
        is_compared = usage is not None and _used_before(usage, scope)
        before = usage.earlier_days if usage is not None and is_compared else None
        return _describe_days_of_use(int(value), before, words)
    if usage is None:
        return words("reason.never_used")
    return words("reason.not_used", day=words.day(usage.last_day, scope.day))


@lru_cache(maxsize=4096)
def _describe_days_of_use(days: int, before: int | None, words: Translator) -> str:
    """Describe days of use; many accounts have as many."""
    if before is None:
        return words("reason.used", days=words.number(days))
    return words("reason.used_before", days=words.number(days), before=words.number(before))


def _used_before(usage: UsageFact, scope: SignalScope) -> bool:
    if usage.first_day is None:
        return usage.earlier_days > 0
    return usage.first_day <= scope.first_day(56)


def describe_days_since_use(
    value: float, _evidence: AccountEvidence, _scope: SignalScope, words: Translator
) -> str:
    """Return `Last used 15 days ago`."""
    return words("reason.last_used", int(value))


def describe_trend(
    value: float, _evidence: AccountEvidence, _scope: SignalScope, words: Translator
) -> str:
    """Describe the trend of use in percent.

    From three times on by the multiple: `Usage down 40% vs previous 28 days`.
    """
    if value >= LARGE_GROWTH:
        return words("reason.use_times", times=words.number(value))
    change = round((value - 1) * 100)
    if not change:
        return words("reason.use_same")
    how = "reason.use_grew" if change > 0 else "reason.use_fell"
    return words(how, share=words.percent(abs(change) / 100))


def describe_mrr_change(
    value: float, evidence: AccountEvidence, _scope: SignalScope, words: Translator
) -> str:
    """Return `MRR down 40% in 90 days: 100.00 EUR → 60.00 EUR`."""
    change, fact = round((value - 1) * 100), evidence.mrr_change
    if not change or fact is None:
        return words("reason.mrr_same")
    before, now = (words.format_money(amount, fact.currency) for amount in (fact.before, fact.now))
    how = "reason.mrr_grew" if change > 0 else "reason.mrr_fell"
    return words(how, share=words.percent(abs(change) / 100), before=before, now=now)


def describe_seat_change(
    value: float, evidence: AccountEvidence, _scope: SignalScope, words: Translator
) -> str:
    """Return `Seats down from 5 to 3 in 90 days`."""
    fact = evidence.mrr_change
    if value == 1 or fact is None:
        return words("reason.seats_same")
    before, now = (
        words.number(count_seats(parts)) for parts in (fact.parts_before, fact.parts_now)
    )
    how = "reason.seats_grew" if value > 1 else "reason.seats_fell"
    return words(how, before=before, now=now)


def describe_payments(
    value: float, evidence: AccountEvidence, scope: SignalScope, words: Translator
) -> str:
    """Describe failed and late payments.

    `Failed or late payments in 12 months: 2 of 6 (last: 7 Nov)`.
    """
    fact = evidence.payments
    if not value or fact is None or fact.last_late_at is None:
        return words("reason.payments_fine")
    day = words.day(scope.to_local_day(fact.last_late_at), scope.day)
    late, invoices = words.number(fact.late), words.number(fact.invoices)
    return words("reason.payments_late", late=late, all=invoices, day=day)


def describe_contact(
    value: float, _evidence: AccountEvidence, _scope: SignalScope, words: Translator
) -> str:
    """Return `Last contact logged 74 days ago`."""
    return words("reason.contact", int(value))


def describe_renewal(
    value: float, _evidence: AccountEvidence, scope: SignalScope, words: Translator
) -> str:
    """Return `Annual plan renews on 3 Feb, in 66 days`."""
    day = words.day(scope.day + timedelta(days=int(value)), scope.day)
    return words("reason.renews", int(value), day=day)


def describe_seats(
    value: float, evidence: AccountEvidence, _scope: SignalScope, words: Translator
) -> str:
    """Return `7 of 20 seats used in the last 28 days`."""
    seats = sum(subscription.seats or 0 for subscription in evidence.subscriptions)
    people = words.number(evidence.usage.people if evidence.usage else round(value * seats))
    return words("reason.seats_used", round(seats), people=people)


def describe_billing(
    value: float, evidence: AccountEvidence, scope: SignalScope, words: Translator
) -> str:
    """Describe what is unpaid, else what ends, else that it pays."""
    if value == 0 or evidence.invoices:
        return describe_unpaid(evidence, scope, words)
    if value < PAYING:
        return describe_cancellation(evidence, scope, words)
    if {s.status for s in evidence.subscriptions} == {"trialing"}:
        return words("reason.trial")
    if any(s.collection_paused for s in evidence.subscriptions):
        return words("reason.paused")
    if evidence.payments is None or not evidence.payments.paid:
        return words("reason.active")
    return words("reason.nothing_overdue" if evidence.payments.late else "reason.pays")


def describe_unpaid(evidence: AccountEvidence, scope: SignalScope, words: Translator) -> str:
    """Describe the oldest unpaid invoice.

    `Invoice A-0007 is 12 days past due`, else that a subscription is.
    """
    if not evidence.invoices:
        return words("reason.past_due")
    first = min(evidence.invoices, key=lambda i: (i.due_at or i.issued_at, i.source_id))
    more, text = len(evidence.invoices) - 1, _describe_invoice(first, scope, words)
    return words("reason.more_invoices", more, text=text) if more else text


def describe_cancellation(evidence: AccountEvidence, scope: SignalScope, words: Translator) -> str:
    """Return `Subscription cancelled, ends on 1 Dec; reason: too expensive`."""
    ending = [subscription for subscription in evidence.subscriptions if subscription.ends_at]
    if not ending:
        return words("reason.cancelled")
    first = min(subscription.ends_at for subscription in ending if subscription.ends_at)
    day = words.day(scope.to_local_day(first), scope.day)
    codes = sorted({s.cancel_reason for s in ending if s.cancel_reason})
    why = ", ".join(filter(None, (describe_cancel_reason(code, words) for code in codes)))
    return words("reason.ends_why", day=day, why=why) if why else words("reason.ends", day=day)


def _describe_invoice(invoice: OverdueInvoice, scope: SignalScope, words: Translator) -> str:
    name = to_plain_line(invoice.number or invoice.source_id, 40)
    if invoice.due_at is None:
        issued = words.day(scope.to_local_day(invoice.issued_at), scope.day)
        return words("reason.invoice_unpaid", name=name, day=issued)
    late = (scope.day - scope.to_local_day(invoice.due_at)).days
    return words("reason.invoice_late", late, name=name)


def describe_nps(
    value: float, evidence: AccountEvidence, scope: SignalScope, words: Translator
) -> str:
    """Return `NPS 3 from Ana Lopez on 12 Nov: “too slow”`.

    Of several people it is the mean and the lowest answer, where they differ.
    """
    answers = [answer for answer in evidence.answers if answer.kind == "nps"]
    if not answers:
        return words("reason.nps", score=words.number(value))
    lowest = min(answers, key=lambda answer: (answer.score, answer.source_id))
    score = words.number(lowest.score)
    if len(answers) == 1:
        return describe_answer(words("reason.nps", score=score), lowest, scope, words)
    if all(answer.score == lowest.score for answer in answers):
        return words("reason.nps_same", len(answers), score=score)
    described = describe_answer(score, lowest, scope, words)
    return words("reason.nps_mean", len(answers), mean=words.number(value), lowest=described)


def describe_csat(
    value: float, evidence: AccountEvidence, _scope: SignalScope, words: Translator
) -> str:
    """Describe CSAT: `2 of 3 people were satisfied in …`."""
    answers = [answer for answer in evidence.answers if answer.kind == "csat"]
    text = words("reason.csat_good" if value else "reason.csat_bad")
    if len(answers) > 1:
        happy = words.number(round(value * len(answers)))
        text = words("reason.csat", len(answers), happy=happy)
    commented = [a for a in answers if a.comment] if value < 1 else []
    worst = min(commented, key=lambda answer: (answer.score, answer.source_id), default=None)
    return append_quote(text, worst.comment, words) if worst else text


def describe_answer(score: str, answer: AnswerFact, scope: SignalScope, words: Translator) -> str:
    """Return `NPS 3 from Ana Lopez on 12 Nov: “too slow”`."""
    name = to_plain_line(answer.person_name, 60)
    day = words.day(scope.to_local_day(answer.answered_at), scope.day)
    text = words("reason.answer", score=score, day=day)
    if name:
        text = words("reason.answer_from", score=score, name=name, day=day)
    return append_quote(text, answer.comment, words)


def describe_feature_use(
    value: float, _evidence: AccountEvidence, _scope: SignalScope, words: Translator, feature: str
) -> str:
    """Return `export: used 12 times in the last 28 days`."""
    return words("reason.feature_used", int(value), feature=to_plain_line(feature, 60))


SentenceBuilder = Callable[[float, AccountEvidence, SignalScope, Translator], str]

SENTENCES: dict[str, SentenceBuilder] = {
    "active_days_28": describe_usage,
    "days_since_use": describe_days_since_use,
    "usage_trend_28": describe_trend,
    "seat_use_28": describe_seats,
    "tickets_30": describe_tickets,
    "open_tickets": describe_open_tickets,
    "billing_standing": describe_billing,
    "mrr_change_90": describe_mrr_change,
    "seat_change_90": describe_seat_change,
    "late_payments_365": describe_payments,
    "days_to_renewal": describe_renewal,
    "days_since_contact": describe_contact,
    "nps": describe_nps,
    "csat_90": describe_csat,
}


@lru_cache(maxsize=1024)
def get_sentence_builder(signal: str) -> SentenceBuilder:
    """Return the sentence builder of a signal, by its name."""
    if feature := parse_feature(signal):
        return partial(describe_feature_use, feature=feature)
    if signal in SENTENCES:
        return SENTENCES[signal]
    return lambda value, _evidence, _scope, words: describe_own_signal(signal, value, words)
