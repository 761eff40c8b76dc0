"""An account's MRR as it is stored: rows of spans and movements.

A first computation makes them by the hundred thousand, so they are plain tuples. Their fields stand
in the order of `Span`, `SpanPart` and `Movement`; instants are in microseconds since 1970.
"""

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from cs_sync.metrics.mrr.movements import AccountMrr, Cause, Kind
from cs_sync_schemas.times import count_microseconds

PartRow = tuple[str, str, str, str | None, str | None, Decimal | int, int]
"""Source, subscription, item, product, price, quantity and amount."""
SpanRow = tuple[str, int, int | None, int, tuple[PartRow, ...], bool]
"""Currency, from when until when, amount, parts, and whether it was reconstructed."""
MovementRow = tuple[str, int, Kind, int, Cause, str | None]
"""Currency, instant, kind, amount, cause and reason."""


class MrrRows(NamedTuple):
    """The rows of one account under one policy, by currency and time."""

    spans: Sequence[SpanRow]
    movements: Sequence[MovementRow]


def build_rows(mrr: AccountMrr) -> MrrRows:
    """Build the rows of what was computed exactly."""
    return MrrRows(
        [
            (
                span.currency,
                count_microseconds(span.valid_from),
                None if span.valid_to is None else count_microseconds(span.valid_to),
                span.amount,
                span.parts,
                span.reconstructed,
            )
            for span in mrr.spans
        ],
        [(move.currency, count_microseconds(move.at), *move[2:]) for move in mrr.movements],
    )


def describe_part(part: PartRow) -> dict[str, Any]:
    """Describe a part as in `mrr_span.parts`; the quantity as a numeral, exactly."""
    source, subscription, item, product, price, quantity, amount = part
    return {
        "source": source,
        "subscription": subscription,
        "item": item,
        "product": product,
        "price": price,
        "quantity": _format_quantity(quantity),
        "amount": amount,
    }


@lru_cache(4096)
def _format_quantity(quantity: Decimal | int) -> str:
    return format(Decimal(quantity).normalize(), "f")
