"""The sentence of each signal: its value with its evidence."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from cs_sync.health.facts import AccountEvidence, AnswerFact, OverdueInvoice, TicketFact
from cs_sync.health.scope import SignalScope
from cs_sync.health.signals.registry import parse_feature
from cs_sync.health.wording import append_quote, to_plain_line
from cs_sync.i18n import Translator

MAX_TICKETS_NAMED = 5
"""How many tickets are named before the rest is only counted."""


def describe_tickets(
    value: float, evidence: AccountEvidence, scope: SignalScope, words: Translator
) -> str:
    """Return `3 tickets in the last 30 days, all about integration: #512 #518 #523`."""
    since = scope.since(30)
    recent = [ticket for ticket in evidence.tickets if ticket.opened_at >= since]
    return _format_tickets(words("reason.tickets", int(value)), recent, words)


def describe_open_tickets(
    value: float, evidence: AccountEvidence, _scope: SignalScope, words: Translator
) -> str:
    """Return `2 tickets wait for a solution, both about export: #8 #9`."""
    waiting = [ticket for ticket in evidence.tickets if ticket.is_open]
    return _format_tickets(words("reason.waiting", int(value)), waiting, words)


def describe_topic(tickets: Sequence[TicketFact], words: Translator) -> str:
    """Return `all about integration`, `2 about export`, or "" if no topic stands out."""
    topics = Counter(ticket.topic for ticket in tickets if ticket.topic)
    if not topics:
        return ""
    (topic, number) = min(topics.items(), key=lambda item: (-item[1], item[0]))
    name = to_plain_line(topic.replace("_", " "), 40)
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
    """Return `Used on 4 of the last 28 days; 15 in the 28 before`."""
    usage, days = evidence.usage, words.number(int(value))
    if value and usage:
        return words("reason.used_before", days=days, before=words.number(usage.earlier_days))
    if value:
        return words("reason.used", days=days)
    if usage is None:
        return words("reason.never_used")
    return words("reason.not_used", day=words.day(usage.last_day, scope.day))


def describe_days_since_use(
    value: float, _evidence: AccountEvidence, _scope: SignalScope, words: Translator
) -> str:
    """Return `Last used 15 days ago`."""
    return words("reason.last_used", int(value))


def describe_trend(
    value: float, _evidence: AccountEvidence, _scope: SignalScope, words: Translator
) -> str:
    """Return `Usage fell by 40% against the 28 days before`."""
    change = round((value - 1) * 100)
    if not change:
        return words("reason.use_same")
    how = "reason.use_grew" if change > 0 else "reason.use_fell"
    return words(how, share=words.percent(abs(change) / 100))


def describe_seats(
    value: float, evidence: AccountEvidence, _scope: SignalScope, words: Translator
) -> str:
    """Return `7 of 20 seats were in use in the last 28 days`."""
    seats = sum(subscription.seats or 0 for subscription in evidence.subscriptions)
    people = words.number(evidence.usage.people if evidence.usage else round(value * seats))
    return words("reason.seats_used", round(seats), people=people)


def describe_billing(
    value: float, evidence: AccountEvidence, scope: SignalScope, words: Translator
) -> str:
    """Return `Invoice A-0007 is 12 days past due`, else the problem of a subscription."""
    if evidence.invoices:
        first = min(evidence.invoices, key=lambda i: (i.due_at or i.issued_at, i.source_id))
        more, text = len(evidence.invoices) - 1, _describe_invoice(first, scope, words)
        return words("reason.more_invoices", more, text=text) if more else text
    if value == 0:
        return words("reason.past_due")
    if value < 2:
        return _describe_ending(evidence, scope, words)
    on_trial = {s.status for s in evidence.subscriptions} == {"trialing"}
    return words("reason.trial" if on_trial else "reason.pays")


def _describe_ending(evidence: AccountEvidence, scope: SignalScope, words: Translator) -> str:
    ending = [subscription for subscription in evidence.subscriptions if subscription.ends_at]
    if not ending:
        return words("reason.cancelled")
    first = min(subscription.ends_at for subscription in ending if subscription.ends_at)
    day = words.day(scope.to_local_day(first), scope.day)
    cancel_reasons = sorted(
        {subscription.cancel_reason for subscription in ending if subscription.cancel_reason}
    )
    why = to_plain_line(" ".join(cancel_reasons).replace("_", " "), 60)
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

    For several people it is the mean and the lowest answer.
    """
    answers = [answer for answer in evidence.answers if answer.kind == "nps"]
    if not answers:
        return words("reason.nps", score=words.number(value))
    lowest = min(answers, key=lambda answer: (answer.score, answer.source_id))
    score = words.number(lowest.score)
    if len(answers) == 1:
        return describe_answer(words("reason.nps", score=score), lowest, scope, words)
    described = describe_answer(score, lowest, scope, words)
    return words("reason.nps_mean", len(answers), mean=words.number(value), lowest=described)


def describe_csat(
    value: float, evidence: AccountEvidence, _scope: SignalScope, words: Translator
) -> str:
    """Return `2 of 3 people were satisfied in the last 90 days`, with a dissatisfied comment."""
    answers = [answer for answer in evidence.answers if answer.kind == "csat"]
    happy = round(value * len(answers))
    text = words("reason.csat", len(answers), happy=words.number(happy))
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
    "nps": describe_nps,
    "csat_90": describe_csat,
}


def get_sentence_builder(signal: str) -> SentenceBuilder:
    """Return the sentence builder of a signal, by its name."""
    feature = parse_feature(signal)
    return partial(describe_feature_use, feature=feature) if feature else SENTENCES[signal]
