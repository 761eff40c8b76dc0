"""The sentence of each signal: its value in words, with the evidence that shows it."""

from collections import Counter
from collections.abc import Callable, Sequence

from cs_sync.health.facts import AccountEvidence, AnswerFact, InvoiceFact, TicketFact
from cs_sync.health.scope import SignalScope
from cs_sync.health.wording import counted, day_text, number_text, plain, quoted

SHOWN = 5
"""How many tickets are named before the rest is only counted."""


def tickets_sentence(value: float, evidence: AccountEvidence, scope: SignalScope) -> str:
    """`3 tickets in the last 30 days, all about integration: #512 #518 #523`."""
    since = scope.since(30)
    recent = [ticket for ticket in evidence.tickets if ticket.opened_at >= since]
    return _tickets(f"{counted(int(value), 'ticket')} in the last 30 days", recent)


def open_tickets_sentence(value: float, evidence: AccountEvidence, _scope: SignalScope) -> str:
    """`2 tickets wait for an answer or a solution, both about export: #8 #9`."""
    waiting = [ticket for ticket in evidence.tickets if ticket.is_open]
    verb = "waits" if int(value) == 1 else "wait"
    return _tickets(f"{counted(int(value), 'ticket')} {verb} for a solution", waiting)


def topic_of(tickets: Sequence[TicketFact]) -> str:
    """`all about integration`, `2 about export`, or nothing where no topic stands out."""
    topics = Counter(ticket.topic for ticket in tickets if ticket.topic)
    if not topics:
        return ""
    (topic, number) = min(topics.items(), key=lambda item: (-item[1], item[0]))
    name = plain(topic.replace("_", " "), 40)
    if number < len(tickets):
        return f"{number} about {name}" if number > 1 else ""
    return {1: f"about {name}", 2: f"both about {name}"}.get(number, f"all about {name}")


def _tickets(what: str, tickets: Sequence[TicketFact]) -> str:
    topic = topic_of(tickets)
    oldest_first = sorted(tickets, key=lambda ticket: (ticket.opened_at, ticket.source_id))
    shown = [f"#{plain(ticket.source_id, 40)}" for ticket in oldest_first[-SHOWN:]]
    more = len(tickets) - len(shown)
    names = " ".join(shown) + (f" and {more} more" if more > 0 else "")
    text = f"{what}, {topic}" if topic else what
    return _capital(f"{text}: {names}" if names else text)


def usage_sentence(value: float, evidence: AccountEvidence, scope: SignalScope) -> str:
    """`Used on 4 of the last 28 days; 15 in the 28 before`."""
    usage = evidence.usage
    before = f"; {usage.earlier_days} in the 28 before" if usage else ""
    if value:
        return f"Used on {int(value)} of the last 28 days{before}"
    if usage is None:
        return "Never used so far"
    return f"Not used in the last 28 days; last used on {day_text(usage.last_day, scope.day)}"


def last_use_sentence(value: float, _evidence: AccountEvidence, _scope: SignalScope) -> str:
    """`Last used 15 days ago`."""
    return f"Last used {counted(int(value), 'day')} ago" if value else "Used today"


def trend_sentence(value: float, _evidence: AccountEvidence, _scope: SignalScope) -> str:
    """`Usage fell by 40 % against the 28 days before`."""
    change = round((value - 1) * 100)
    if not change:
        return "Usage is as it was in the 28 days before"
    verb = "grew" if change > 0 else "fell"
    return f"Usage {verb} by {abs(change)} % against the 28 days before"


def billing_sentence(value: float, evidence: AccountEvidence, scope: SignalScope) -> str:
    """`Invoice A-0007 is 12 days past due`, else what is wrong with a subscription."""
    if evidence.invoices:
        first = min(evidence.invoices, key=lambda i: (i.due_at or i.issued_at, i.source_id))
        more = len(evidence.invoices) - 1
        also = f", and {counted(more, 'other invoice')}" if more else ""
        return _invoice(first, scope) + also
    ending = [s.ends_at for s in evidence.subscriptions if s.ends_at]
    if value == 0:
        return "A subscription is past due"
    if value < 2 and ending:
        day = day_text(scope.local_day(min(ending)), scope.day)
        reasons = {s.cancel_reason for s in evidence.subscriptions if s.ends_at} - {None}
        why = plain(" ".join(sorted(r for r in reasons if r)).replace("_", " "), 60)
        return f"The subscription is cancelled and ends on {day}" + (f" ({why})" if why else "")
    if value < 2:
        return "The subscription is cancelled"
    on_trial = {s.status for s in evidence.subscriptions} == {"trialing"}
    return "On a trial; nothing is due" if on_trial else "Pays on time"


def _invoice(invoice: InvoiceFact, scope: SignalScope) -> str:
    name = f"Invoice {plain(invoice.number or invoice.source_id, 40)}"
    if invoice.due_at is None:
        return f"{name} of {day_text(scope.local_day(invoice.issued_at), scope.day)} is unpaid"
    late = (scope.day - scope.local_day(invoice.due_at)).days
    return f"{name} is {counted(late, 'day')} past due" if late else f"{name} was due today"


def nps_sentence(value: float, evidence: AccountEvidence, scope: SignalScope) -> str:
    """`NPS 3 from Ana Lopez on 12 Nov: “too slow”`; of several people the mean and the lowest."""
    answers = [answer for answer in evidence.answers if answer.kind == "nps"]
    if len(answers) <= 1:
        return answer_text("NPS", answers[0], scope) if answers else f"NPS {number_text(value)}"
    lowest = min(answers, key=lambda answer: (answer.score, answer.source_id))
    mean = f"NPS answers of {len(answers)} people average {number_text(value)}"
    return f"{mean}; the lowest: {answer_text('', lowest, scope)}"


def csat_sentence(value: float, evidence: AccountEvidence, _scope: SignalScope) -> str:
    """`2 of 3 people were satisfied in the last 90 days`, with a comment of one who was not."""
    answers = [answer for answer in evidence.answers if answer.kind == "csat"]
    happy = round(value * len(answers))
    people = "person was" if len(answers) == 1 else "people were"
    text = f"{happy} of {len(answers)} {people} satisfied in the last 90 days"
    said = [a for a in answers if a.comment] if value < 1 else []
    worst = min(said, key=lambda answer: (answer.score, answer.source_id), default=None)
    return f"{text}: {quoted(worst.comment)}" if worst else text


def answer_text(what: str, answer: AnswerFact, scope: SignalScope) -> str:
    """`NPS 3 from Ana Lopez on 12 Nov: “too slow”`."""
    name = plain(answer.person_name, 60)
    who = f" from {name}" if name else ""
    day = day_text(scope.local_day(answer.answered_at), scope.day)
    comment = quoted(answer.comment)
    text = f"{what} {number_text(answer.score)}{who} on {day}".strip()
    return f"{text}: {comment}" if comment else text


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


Sentence = Callable[[float, AccountEvidence, SignalScope], str]

SENTENCES: dict[str, Sentence] = {
    "active_days_28": usage_sentence,
    "days_since_use": last_use_sentence,
    "usage_trend_28": trend_sentence,
    "tickets_30": tickets_sentence,
    "open_tickets": open_tickets_sentence,
    "billing_standing": billing_sentence,
    "nps": nps_sentence,
    "csat_90": csat_sentence,
}
