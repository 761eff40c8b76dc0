"""The details of an account as the page says them: plain JSON, in the report's language."""

from functools import lru_cache

from cs_sync.health.wording import name_answer
from cs_sync.report.data import AccountCells, AccountDetails, AnswerLine, CountedDetails
from cs_sync.report.formats import Formats, round_half_up
from cs_sync.report.links import sanitize_link

MAX_FEATURES = 8
"""Features of one account that the table names."""


def build_cells(details: AccountDetails, formats: Formats) -> AccountCells:
    """Build the cells of an account's details."""
    use = details.use
    return AccountCells(
        reasons=[[text, round_points(loss)] for text, loss in details.reasons],
        use=[use.recent_days, use.earlier_days, formats.day(use.last_day), use.people, use.seats]
        if use
        else None,
        tickets=[
            [formats.day(ticket.day), ticket.subject, ticket.is_open, sanitize_link(ticket.link)]
            for ticket in details.tickets
        ],
        answers=[
            [formats.day(answer.day), _name_answer(answer, formats), answer.person, answer.comment]
            for answer in details.answers
        ],
        links=[[label, link] for label, url in details.links if (link := sanitize_link(url))],
        features=[[*pair] for pair in details.features.items()][:MAX_FEATURES],
    )


def select_counted(details: AccountDetails) -> CountedDetails:
    """Select what is counted of an account's details."""
    return CountedDetails(
        details.use.recent_days if details.use else None,
        [feature for feature, days in details.features.items() if days],
        [[ticket.topic, ticket.is_open] for ticket in details.tickets],
    )


def _name_answer(answer: AnswerLine, formats: Formats) -> str:
    highest = None if answer.scale_max is None else formats.number(answer.scale_max)
    return name_answer(answer.kind, formats.number(answer.score), highest, formats.words)


@lru_cache(maxsize=50_000)
def round_points(value: float | None) -> int | None:
    """Round points half away from zero; None if unknown."""
    return None if value is None else int(round_half_up(value))
