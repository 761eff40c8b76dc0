"""The sweep of `metrics.sql.mrr_stocks` over rows in order, in one pass, and its groups.

It takes half of what SQLite needs for it: the spans of an account and currency under one policy, as
known at one time, never overlap, so there is nothing to sort or to add up.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

KnownSpan = tuple[str, str, int, int, int | None]
"""Account, currency, amount, and from when until when, in microseconds since 1970."""
StockRow = tuple[str, str, int, int, int, int, int, int, int, int, int]
"""A row of `mrr_stock`, in the order of its columns."""
GroupRow = tuple[str, str, int, int, int, int, int, int, int, int, int, int]
"""A row of `mrr_stock_group`, in the order of its columns."""


def sweep_spans(spans: Iterable[KnownSpan], turns: Sequence[int]) -> Iterator[StockRow]:
    """Yield the stocks of every account and currency.

    Args:
        spans: The spans by account, currency and time; they begin before the last turn.
        turns: The turns, in microseconds since 1970.
    """
    return chain.from_iterable(_sweep_accounts(spans, turns))


def sweep_into_groups(spans: Iterable[KnownSpan], turns: Sequence[int]) -> Iterator[GroupRow]:
    """Yield the stocks in groups: see `sql.stock_groups`.

    Args:
        spans: The spans by account, currency and time; they begin before the last turn.
        turns: The turns, in microseconds since 1970.
    """
    groups: dict[tuple[Any, ...], list[int]] = {}
    for stocks in _sweep_accounts(spans, turns):
        several = stocks[0][0] if stocks[0][1] != stocks[-1][1] else None
        for _, currency, since, until, amount, before, peak, held, had, seen, was_seen in stocks:
            alike = (
                several, currency, since, until, held, had, seen, was_seen, amount > 0,
                before > 0, before == 0, amount > before, amount < before, peak > 0,
            )  # fmt: skip
            sums = groups.get(alike)
            if sums is None:
                groups[alike] = [amount, before, peak, 1]
            else:
                sums[0] += amount
                sums[1] += before
                sums[2] += peak
                sums[3] += 1
    for number, (alike, (amount, before, peak, accounts)) in enumerate(groups.items()):
        account, currency, since, until, held, had, seen, was_seen = alike[:8]
        name = f"g{number}" if account is None else f"a{account}"
        yield (
            name,
            currency,
            since,
            until,
            amount,
            before,
            peak,
            held,
            had,
            seen,
            was_seen,
            accounts,
        )


def _sweep_accounts(spans: Iterable[KnownSpan], turns: Sequence[int]) -> Iterator[list[StockRow]]:
    """Yield the stocks of each account, by currency and turn."""
    for account, of_account in groupby(spans, itemgetter(0)):
        own = list(of_account)
        currency = own[0][1]
        if currency == own[-1][1]:
            yield _sweep_currency(account, currency, own, turns)
            continue
        rows = [
            row
            for currency, in_currency in groupby(own, itemgetter(1))
            for row in _sweep_currency(account, currency, in_currency, turns)
        ]
        cuts = sorted({since for _, _, since, *_ in rows})
        yield [part for row in rows for part in _cut_row(row, cuts)]


def _sweep_currency(
    account: str, currency: str, spans: Iterable[KnownSpan], turns: Sequence[int]
) -> list[StockRow]:
    """List the stocks of one account in one currency.

    `since` is the turn of the row that is not complete yet, `stop` the turn at which its span ends.
    """
    rows: list[StockRow] = []
    amount = held = seen = before = held_before = seen_before = peak = 0
    end = len(turns)
    since, stop = -1, end

    def close(until: int) -> None:
        rows.append(
            (
                account, currency, since, until, amount, before, peak, held, held_before, seen,
                seen_before,
            )
        )  # fmt: skip

    for _, _, size, valid_from, valid_to in spans:
        begin = bisect_right(turns, valid_from)
        until = end if valid_to is None else bisect_right(turns, valid_to)
        if stop < begin:
            close(stop)
            before, held_before, seen_before, since = amount, held, seen, stop
            amount = held = peak = 0
        if since < begin:
            if since >= 0:
                close(begin)
            before, held_before, seen_before, since, peak = amount, held, seen, begin, size
        elif size > peak:
            peak = size
        seen = 1 if size > 0 else seen
        amount, held, stop = (size, 1, until) if begin < until else (0, 0, end)
    if stop < end:
        close(stop)
        before, held_before, seen_before, since = amount, held, seen, stop
        amount = held = peak = 0
    close(end)
    return rows


def _cut_row(row: StockRow, turns: Sequence[int]) -> Iterator[StockRow]:
    """Cut a row where another of the account's currencies changes."""
    account, currency, since, until, amount, before, peak, held, held_before, seen, was_seen = row
    cuts = [turn for turn in turns if since < turn < until]
    stop = cuts[0] if cuts else until
    yield (
        account, currency, since, stop, amount, before, peak, held, held_before, seen, was_seen,
    )  # fmt: skip
    for cut, following in zip(cuts, (*cuts[1:], until), strict=False):
        yield (account, currency, cut, following, amount, amount, 0, held, held, seen, seen)
