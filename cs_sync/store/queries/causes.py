"""What was known of accounts at an instant: attributes, and topics of tickets."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, or_, select

from cs_sync.health import SignalScope
from cs_sync.health.relations import select_owned
from cs_sync.metrics.sql.relations import is_known_at
from cs_sync.metrics.sql.time_travel import rewrite_as_of
from cs_sync_schemas.tables import ACCOUNT_ATTRIBUTE, TICKET

ATTRIBUTE = ACCOUNT_ATTRIBUTE


def read_attributes_at(
    connection: Connection, names: Iterable[str], at: datetime, known_at: datetime
) -> dict[str, dict[str, str]]:
    """Map attribute → account id → its value before an instant.

    Just before it, as known then.
    """
    statement = select(ATTRIBUTE.c.name, ATTRIBUTE.c.account_id, ATTRIBUTE.c.value).where(
        ATTRIBUTE.c.name.in_(list(names)),
        ATTRIBUTE.c.valid_from < at,
        or_(ATTRIBUTE.c.valid_to.is_(None), ATTRIBUTE.c.valid_to >= at),
        is_known_at(ATTRIBUTE, known_at),
    )
    values: dict[str, dict[str, str]] = {}
    for name, account, value in connection.execute(statement):
        values.setdefault(name, {})[account] = value
    return values


def read_ticket_topics(
    connection: Connection, scope: SignalScope, days: int
) -> dict[str, set[str]]:
    """Map account id → topics of its recent tickets.

    Opened in the last days of a scope.
    """
    opened = (TICKET.c.opened_at >= scope.since(days)) & (TICKET.c.opened_at < scope.until)
    tickets = select_owned(
        scope, TICKET, TICKET.c.topic, where=opened & TICKET.c.topic.is_not(None)
    )
    statement = select(tickets.c.account_id, tickets.c.topic).distinct()
    if scope.known_at is not None:
        statement = rewrite_as_of(statement, scope.known_at)
    topics: dict[str, set[str]] = defaultdict(set)
    for account, topic in connection.execute(statement):
        if topic.strip():
            topics[account].add(topic)
    return dict(topics)
