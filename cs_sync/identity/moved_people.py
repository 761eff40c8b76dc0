"""Records whose people moved together to another record: perhaps one company, renamed."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from cs_sync.identity.facts import IdentityFacts, RecordRef, StayFact

MIN_MOVED_PEOPLE = 2
"""One person who changes records may just have another job."""


def find_moved_people(facts: IdentityFacts) -> Iterator[tuple[RecordRef, RecordRef]]:
    """Yield record pairs whose new record has mostly people of the old.

    Fewer people may be left in the old one than moved. Both are records of one source.
    """
    if not facts.stays:
        return
    current = {
        contact.ref: RecordRef(contact.ref.source, contact.account_source_id)
        for contact in facts.contacts
        if contact.account_source_id and not contact.deleted
    }
    people = Counter(current.values())
    moved: Counter[tuple[RecordRef, RecordRef]] = Counter()
    for contact, stays in _group_stays(facts.stays).items():
        if contact in current:
            new = current[contact]
            moved.update((old, new) for old in _find_earlier_records(new, stays))
    for (old, new), number in sorted(moved.items()):
        if number >= MIN_MOVED_PEOPLE and people[old] < number and people[new] < 2 * number:
            yield old, new


def _group_stays(stays: Sequence[StayFact]) -> dict[RecordRef, dict[str, list[StayFact]]]:
    """Group the stays by contact and table."""
    grouped: dict[RecordRef, dict[str, list[StayFact]]] = defaultdict(lambda: defaultdict(list))
    for stay in stays:
        grouped[stay.contact][stay.table].append(stay)
    return grouped


def _find_earlier_records(
    new: RecordRef, stays: Mapping[str, Sequence[StayFact]]
) -> set[RecordRef]:
    """Find the records that a contact left for its current one.

    It left them for good. Who is now here, now there (a consultant, our own staff) left none.
    """
    left, returned = set[RecordRef](), set[RecordRef]()
    for of_table in stays.values():
        arrived = min(
            (stay.first for stay in of_table if stay.account_source_id == new.source_id),
            default=None,
        )
        for stay in of_table:
            old = RecordRef(new.source, stay.account_source_id)
            if old != new:
                ended = arrived is None or (stay.last is not None and stay.last <= arrived)
                (left if ended else returned).add(old)
    return left - returned
