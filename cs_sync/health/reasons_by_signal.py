"""The sentence of each signal: its value in words, with the evidence that shows it."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from cs_sync.health.facts import AccountEvidence, AnswerFact, InvoiceFact, TicketFact
from cs_sync.health.scope import SignalScope
from cs_sync.health.signals import feature_in
from cs_sync.health.wording import plain, with_quote
from cs_sync.words import Words

SHOWN = 5
"""How many tickets are named before the rest is only counted."""


def tickets_sentence(
    value: float, evidence: AccountEvidence, scope: SignalScope, words: Words
) -> str:
    """`3 tickets in the last 30 days, all about integration: #512 #518 #523`."""
    since = scope.since(30)
    recent = [ticket for ticket in evidence.tickets if ticket.opened_at >= since]
    return _tickets(words("reason.tickets", int(value)), recent, words)


def open_tickets_sentence(
    value: float, evidence: AccountEvidence, _scope: SignalScope, words: Words
) -> str:
    """`2 tickets wait for a solution, both about export: #8 #9`."""
    waiting = [ticket for ticket in evidence.tickets if ticket.is_open]
    return _tickets(words("reason.waiting", int(value)), waiting, words)


def topic_of(tickets: Sequence[TicketFact], words: Words) -> str:
    """`all about integration`, `2 about export`, or nothing where no topic stands out."""
    topics = Counter(ticket.topic for ticket in tickets if ticket.topic)
    if not topics:
        return ""
    (topic, number) = min(topics.items(), key=lambda item: (-item[1], item[0]))
    name = plain(topic.replace("_", " "), 40)
    if number < len(tickets):
        return words("reason.topic_of_some", number, topic=name) if number > 1 else ""
    how = {1: "one", 2: "both"}.get(number, "all")
    return words(f"reason.topic_of_{how}", topic=name)


def _tickets(text: str, tickets: Sequence[TicketFact], words: Words) -> str:
    topic = topic_of(tickets, words)
    oldest_first = sorted(tickets, key=lambda ticket: (ticket.opened_at, ticket.source_id))
    names = " ".join(f"#{plain(ticket.source_id, 40)}" for ticket in oldest_first[-SHOWN:])
    more = len(tickets) - SHOWN
    if topic:
        text = words("reason.with_topic", text=text, topic=topic)
    if more > 0:
        names = words("reason.more_names", more, names=names)
    return words("reason.with_names", text=text, names=names) if names else text


def usage_sentence(
    value: float, evidence: AccountEvidence, scope: SignalScope, words: Words
) -> str:
    """`Used on 4 of the last 28 days; 15 in the 28 before`."""
    usage, days = evidence.usage, words.number(int(value))
    if value and usage:
        return words("reason.used_before", days=days, before=words.number(usage.earlier_days))
    if value:
        return words("reason.used", days=days)
    if usage is None:
        return words("reason.never_used")
    return words("reason.not_used", day=words.day(usage.last_day, scope.day))


def last_use_sentence(
    value: float, _evidence: AccountEvidence, _scope: SignalScope, words: Words
) -> str:
    """`Last used 15 days ago`."""
    return words("reason.last_used", int(value))


def trend_sentence(
    value: float, _evidence: AccountEvidence, _scope: SignalScope, words: Words
) -> str:
    """`Usage fell by 40% against the 28 days before`."""
    change = round((value - 1) * 100)
    if not change:
        return words("reason.use_same")
    how = "reason.use_grew" if change > 0 else "reason.use_fell"
    return words(how, share=words.percent(abs(change) / 100))


def seats_sentence(
    value: float, evidence: AccountEvidence, _scope: SignalScope, words: Words
) -> str:
    """`7 of 20 seats were in use in the last 28 days`."""
    seats = sum(one.seats or 0 for one in evidence.subscriptions)
    people = words.number(evidence.usage.people if evidence.usage else round(value * seats))
    return words("reason.seats_used", round(seats), people=people)


def billing_sentence(
    value: float, evidence: AccountEvidence, scope: SignalScope, words: Words
) -> str:
    """`Invoice A-0007 is 12 days past due`, else what is wrong with a subscription."""
    if evidence.invoices:
        first = min(evidence.invoices, key=lambda i: (i.due_at or i.issued_at, i.source_id))
        more, text = len(evidence.invoices) - 1, _invoice(first, scope, words)
        return words("reason.more_invoices", more, text=text) if more else text
    if value == 0:
        return words("reason.past_due")
    if value < 2:
        return _ending(evidence, scope, words)
    on_trial = {s.status for s in evidence.subscriptions} == {"trialing"}
    return words("reason.trial" if on_trial else "reason.pays")


def _ending(evidence: AccountEvidence, scope: SignalScope, words: Words) -> str:
    ending = [one for one in evidence.subscriptions if one.ends_at]
    if not ending:
        return words("reason.cancelled")
    first = min(one.ends_at for one in ending if one.ends_at)
    day = words.day(scope.local_day(first), scope.day)
    said = sorted({one.cancel_reason for one in ending if one.cancel_reason})
    why = plain(" ".join(said).replace("_", " "), 60)
    return words("reason.ends_why", day=day, why=why) if why else words("reason.ends", day=day)


def _invoice(invoice: InvoiceFact, scope: SignalScope, words: Words) -> str:
    name = plain(invoice.number or invoice.source_id, 40)
    if invoice.due_at is None:
        issued = words.day(scope.local_day(invoice.issued_at), scope.day)
        return words("reason.invoice_unpaid", name=name, day=issued)
    late = (scope.day - scope.local_day(invoice.due_at)).days
    return words("reason.invoice_late", late, name=name)


def nps_sentence(value: float, evidence: AccountEvidence, scope: SignalScope, words: Words) -> str:
    """`NPS 3 from Ana Lopez on 12 Nov: “too slow”`; of several people the mean and the lowest."""
    answers = [answer for answer in evidence.answers if answer.kind == "nps"]
    if not answers:
        return words("reason.nps", score=words.number(value))
    lowest = min(answers, key=lambda answer: (answer.score, answer.source_id))
    score = words.number(lowest.score)
    if len(answers) == 1:
        return answer_text(words("reason.nps", score=score), lowest, scope, words)
    said = answer_text(score, lowest, scope, words)
    return words("reason.nps_mean", len(answers), mean=words.number(value), lowest=said)


def csat_sentence(
    value: float, evidence: AccountEvidence, _scope: SignalScope, words: Words
) -> str:
    """`2 of 3 people were satisfied in the last 90 days`, with a comment of one who was not."""
    answers = [answer for answer in evidence.answers if answer.kind == "csat"]
    happy = round(value * len(answers))
    text = words("reason.csat", len(answers), happy=words.number(happy))
    said = [a for a in answers if a.comment] if value < 1 else []
    worst = min(said, key=lambda answer: (answer.score, answer.source_id), default=None)
    return with_quote(text, worst.comment, words) if worst else text


def answer_text(score: str, answer: AnswerFact, scope: SignalScope, words: Words) -> str:
    """`NPS 3 from Ana Lopez on 12 Nov: “too slow”`."""
    name = plain(answer.person_name, 60)
    day = words.day(scope.local_day(answer.answered_at), scope.day)
    text = words("reason.answer", score=score, day=day)
    if name:
        text = words("reason.answer_from", score=score, name=name, day=day)
    return with_quote(text, answer.comment, words)


def feature_sentence(
    value: float, _evidence: AccountEvidence, _scope: SignalScope, words: Words, feature: str
) -> str:
    """`export: used 12 times in the last 28 days`."""
    return words("reason.feature_used", int(value), feature=plain(feature, 60))


Sentence = Callable[[float, AccountEvidence, SignalScope, Words], str]

SENTENCES: dict[str, Sentence] = {
    "active_days_28": usage_sentence,
    "days_since_use": last_use_sentence,
    "usage_trend_28": trend_sentence,
    "seat_use_28": seats_sentence,
    "tickets_30": tickets_sentence,
    "open_tickets": open_tickets_sentence,
    "billing_standing": billing_sentence,
    "nps": nps_sentence,
    "csat_90": csat_sentence,
}


def sentence_of(signal: str) -> Sentence:
    """The sentence of a signal, by its name."""
    feature = feature_in(signal)
    return partial(feature_sentence, feature=feature) if feature else SENTENCES[signal]
