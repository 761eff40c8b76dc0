"""The sweep of `metrics.sql.mrr_stocks` over rows in order, in one pass.

It takes half of what SQLite needs for it: the spans of an account and currency under one policy, as
known at one time, never overlap, so there is nothing to sort or to add up.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

PlacedSpan = tuple[str, str, int, int, int]
"""Account, currency, amount, the first turn that sees it, and the first that sees it no more."""
StockRow = tuple[str, str, int, int, int, int, int, int, int, int, int]
"""A row of `mrr_stock`, in the order of its columns."""


def sweep_spans(spans: Iterable[PlacedSpan], end: int) -> Iterator[StockRow]:
    """Yield the stocks of every account and currency.

    Args:
        spans: The spans by account, currency and time.
        end: The number of turns.
    """
    rows = (
        row
        for (account, currency), own in groupby(spans, itemgetter(0, 1))
        for row in _sweep_currency(account, currency, own, end)
    )
    for _, of_account in groupby(rows, itemgetter(0)):
        own_rows = list(of_account)
        if own_rows[0][1] == own_rows[-1][1]:
            yield from own_rows
        else:
            turns = sorted({since for _, _, since, *_ in own_rows})
            for row in own_rows:
                yield from _cut_row(row, turns)


def _sweep_currency(
    account: str, currency: str, spans: Iterable[PlacedSpan], end: int
) -> Iterator[StockRow]:
    """Yield the stocks of one account in one currency.

    `since` is the turn of the row that is not complete yet, `stop` the turn at which its span ends.
    """
    amount = held = seen = before = held_before = seen_before = peak = 0
    since, stop = -1, end

    def close(until: int) -> StockRow:
        return (
            account, currency, since, until, amount, before, peak, held, held_before, seen,
            seen_before,
        )  # fmt: skip

    for _, _, size, begin, until in spans:
        if stop < begin:
            yield close(stop)
            before, held_before, seen_before, since = amount, held, seen, stop
            amount = held = peak = 0
        if since < begin:
            if since >= 0:
                yield close(begin)
            before, held_before, seen_before, since, peak = amount, held, seen, begin, size
        elif size > peak:
            peak = size
        seen = 1 if size > 0 else seen
        amount, held, stop = (size, 1, until) if begin < until else (0, 0, end)
    if stop < end:
        yield close(stop)
        before, held_before, seen_before, since = amount, held, seen, stop
        amount = held = peak = 0
    yield close(end)


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
