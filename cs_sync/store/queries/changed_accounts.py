"""Accounts with facts that changed: what is computed of an account is computed again for these.

A fact that moved to another account changed both: the former owner stands in its past versions.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from functools import cache

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Table,
    and_,
    bindparam,
    func,
    or_,
    select,
    union,
)

from cs_sync.metrics.ownership import LINK, PLACE, names_account
from cs_sync_schemas import get_history_table
from cs_sync_schemas.tables import (
    ACCOUNT,
    ACCOUNT_CHANGE,
    CONTACT,
    CONTACT_LINK,
    FEATURE_DAY,
    INVOICE,
    INVOICE_LINE,
    MRR_SPAN,
    ONBOARDING_STEP,
    REFERRAL,
    SOURCE_ACCOUNT,
    SOURCE_CONTACT,
    SUBSCRIPTION,
    SUBSCRIPTION_ITEM,
    SURVEY_RESPONSE,
    TICKET,
    USAGE_DAY,
)

SPAN = MRR_SPAN
RECORD = SOURCE_ACCOUNT
PERSON_RECORD = SOURCE_CONTACT
FACTS = (
    SUBSCRIPTION, INVOICE, TICKET, SURVEY_RESPONSE, USAGE_DAY, FEATURE_DAY, ONBOARDING_STEP,
    REFERRAL,
)  # fmt: skip
"""Records of an account, or of a person."""
DAYS = (USAGE_DAY, FEATURE_DAY)
PARTS = (SUBSCRIPTION_ITEM, INVOICE_LINE)
"""Records of a subscription."""
SINCE = bindparam("since", type_=SUBSCRIPTION.c.changed_at.type)
UNTIL = bindparam("until", type_=USAGE_DAY.c.day.type)


def read_changed_accounts(
    connection: Connection, since: datetime, until: date | None = None
) -> set[str]:
    """Return the accounts with any change at or after an instant.

    Args:
        connection: A read connection.
        since: The instant.
        until: Days of use from this day on do not count; all do by default.
    """
    changed: set[str] = set()
    asked = {"since": since} if until is None else {"since": since, "until": until}
    for statement in build_change_statements(is_bounded=until is not None):
        changed.update(connection.scalars(statement, asked))
    return changed


@cache
def build_change_statements(*, is_bounded: bool) -> Sequence[Select[tuple[str]]]:
    """Build the statements that find changed accounts, of `since` and perhaps `until`.

    A run asks them of each kind of result, so they are made once.
    """
    return (*_list_change_statements(is_bounded=is_bounded),)


def _list_change_statements(*, is_bounded: bool) -> Iterator[Select[tuple[str]]]:
    yield select(ACCOUNT.c.id).where(ACCOUNT.c.changed_at >= SINCE)
    for links in _list_versions(LINK):
        yield select(links.c.account_id).where(_is_changed(links))
    learnt = or_(SPAN.c.known_from >= SINCE, SPAN.c.known_to >= SINCE)
    yield select(SPAN.c.account_id).where(learnt)
    same = and_(LINK.c.source == RECORD.c.source, LINK.c.source_id == RECORD.c.source_id)
    yield select(LINK.c.account_id).join(RECORD, same).where(RECORD.c.changed_at >= SINCE)
    named = names_account(ACCOUNT_CHANGE)
    yield (
        select(LINK.c.account_id)
        .join(ACCOUNT_CHANGE, named)
        .where(ACCOUNT_CHANGE.c.changed_at >= SINCE)
    )
    for table in FACTS:
        for rows in _list_changed_rows(table, is_bounded=is_bounded and table in DAYS):
            yield select(LINK.c.account_id).join(rows, names_account(rows))
            if "contact_source_id" in rows.c:
                person = and_(
                    CONTACT_LINK.c.source == rows.c.source,
                    CONTACT_LINK.c.source_id == rows.c.contact_source_id,
                )
                people = select(CONTACT_LINK.c.contact_id).join(rows, person)
                yield _select_accounts_of(people)
    for table in PARTS:
        for rows in _list_changed_rows(table, is_bounded=False):
            of = and_(
                rows.c.source == SUBSCRIPTION.c.source,
                rows.c.subscription_source_id == SUBSCRIPTION.c.source_id,
            )
            yield (
                select(LINK.c.account_id)
                .join(SUBSCRIPTION, names_account(SUBSCRIPTION))
                .join(rows, of)
            )
    yield _select_accounts_of(_select_changed_people())


def _select_changed_people() -> Select[tuple[str]]:
    """Select the people whose name, records or places changed."""
    renamed = select(CONTACT.c.id.label("contact_id")).where(CONTACT.c.changed_at >= SINCE)
    others = [
        select(rows.c.contact_id).where(_is_changed(rows))
        for table in (CONTACT_LINK, PLACE)
        for rows in _list_versions(table)
    ]
    same = and_(
        CONTACT_LINK.c.source == PERSON_RECORD.c.source,
        CONTACT_LINK.c.source_id == PERSON_RECORD.c.source_id,
    )
    linked = select(CONTACT_LINK.c.contact_id).join(PERSON_RECORD, same)
    linked = linked.where(PERSON_RECORD.c.changed_at >= SINCE)
    people = union(renamed, linked, *others).subquery("people")
    return select(people.c.contact_id)


def _select_accounts_of(people: Select[tuple[str]]) -> Select[tuple[str]]:
    """Select the accounts at which these people are or were."""
    places = union(
        *(
            select(rows.c.source, rows.c.account_source_id).where(rows.c.contact_id.in_(people))
            for rows in _list_versions(PLACE)
        )
    ).subquery("places")
    return select(LINK.c.account_id).join(places, names_account(places))


def _list_versions(table: Table) -> list[Table]:
    history = get_history_table(table)
    return [table] if history is None else [table, history]


def _is_changed(rows: Table) -> ColumnElement[bool]:
    """Return the condition for versions that began or ended since."""
    begun = (rows.c.changed_at if "changed_at" in rows.c else rows.c.since) >= SINCE
    return or_(begun, rows.c.known_to >= SINCE) if "known_to" in rows.c else begun


def _list_changed_rows(table: Table, *, is_bounded: bool) -> Iterator[FromClause]:
    """Yield a table's changed rows, and the versions they replaced.

    If it is bounded, those of days before `until`.
    """
    changed = select(table).where(table.c.changed_at >= SINCE)
    if is_bounded:
        changed = changed.where(_is_before(table))
    yield changed.subquery(f"changed_{table.name}")
    history = get_history_table(table)
    if history is not None:
        same = and_(history.c.source == table.c.source, history.c.source_id == table.c.source_id)
        former = (
            select(history)
            .join(table, same)
            .where(table.c.changed_at >= SINCE, history.c.known_to >= SINCE)
        )
        if is_bounded:
            former = former.where(_is_before(history))
        yield former.subquery(f"former_{table.name}")


def _is_before(days: Table) -> ColumnElement[bool]:
    """Return the condition for days before another, which no index answers.

    SQLite would look through nearly all days for the few that changed.
    """
    return func.coalesce(days.c.day, UNTIL) < UNTIL
