"""Counts over the details of all customers: days of use, features, topics of tickets."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from msgspec import Struct, field

from cs_sync.report.data import ReportedAccount

DAYS_OF_USE = ((0, 0), (1, 3), (4, 9), (10, 19), (20, 28))
MAX_ROWS = 10
"""Features, and topics, shown at most."""


class DetailCounts(Struct, frozen=True):
    """What customers use and ask, most frequent first.

    use            (first, last active day of 28, accounts, MRR); empty without any known use
    features       (feature, accounts that used it in 28 days, their MRR)
    ticket_topics  (topic, tickets, open ones, accounts, their MRR)
    """

    use: Sequence[tuple[int, int, int, int]]
    features: Sequence[tuple[str, int, int]]
    ticket_topics: Sequence[tuple[str, int, int, int, int]]


class _Tally(Struct, frozen=True):
    """How many accounts have what, and their MRR."""

    accounts: Counter[Any] = field(default_factory=Counter)
    mrr: Counter[Any] = field(default_factory=Counter)

    def add(self, names: Iterable[Any], mrr: int) -> None:
        """Add an account with distinct names."""
        for name in names:
            self.accounts[name] += 1
            self.mrr[name] += mrr


def count_details(customers: Iterable[ReportedAccount]) -> DetailCounts:
    """Count what customers use and ask, in one pass over them."""
    users, used, asking = _Tally(), _Tally(), _Tally()
    tickets: Counter[str] = Counter()
    waiting: Counter[str] = Counter()
    for account in customers:
        counted, mrr = account.counted, account.now.mrr
        users.add(_find_groups(counted.days), mrr)
        used.add(counted.features, mrr)
        asking.add({topic for topic, _ in counted.topics}, mrr)
        for topic, is_open in counted.topics:
            tickets[topic] += 1
            waiting[topic] += bool(is_open)
    shown = DAYS_OF_USE if users.accounts else ()
    return DetailCounts(
        [(*group, users.accounts[group], users.mrr[group]) for group in shown],
        [(name, n, used.mrr[name]) for name, n in used.accounts.most_common(MAX_ROWS)],
        [
            (topic, n, waiting[topic], asking.accounts[topic], asking.mrr[topic])
            for topic, n in tickets.most_common(MAX_ROWS)
        ],
    )


@cache
def _find_groups(days: int | None) -> list[tuple[int, int]]:
    """Find the group of an account by its days of use."""
    return [group for group in DAYS_OF_USE if days is not None and group[0] <= days <= group[1]]
