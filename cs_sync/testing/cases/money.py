"""Amounts of money: exact to the cent, and by the decimals of their currency."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from cs_sync.testing.assertions import require, require_network, skip_case
from cs_sync.testing.cases.texts import LARGE
from cs_sync.testing.faults import rewrite_response
from cs_sync.testing.row_faults import list_money_fields
from cs_sync.testing.syncing import SyncHarness
from cs_sync.testing.vendor import VendorFake
from cs_sync_schemas.money import CURRENCY_EXPONENT

Place = tuple[str, ...]
"""Table, parts of the key, field."""
Amounts = Mapping[Place, Decimal]
DINAR = "KWD"
"""A currency with three decimals: what is exact in cents is exact in it."""
CENT = 1


class MoneyCases:
    """Cases for vendors that send amounts in major units, as 19.99."""

    def test_amounts_are_exact(self, bench: SyncHarness) -> None:
        """Amounts that lose a cent as floats are stored exactly."""
        sent = _find_amounts_in_major_units(bench)
        cents = _LossyCents(set(sent.values()))
        stored = _read_amounts(bench.kind, cents)
        for place, amount in sent.items():
            expected = 100 * cents.changed.get(amount, amount)
            require(
                stored.get(place, expected) == expected,
                f"{_name(place)} is {stored.get(place)} instead of {expected:.0f}: the vendor"
                f" sends {cents.changed.get(amount)}, and money through a float loses cents;"
                " calculate with Decimal(str(amount))",
            )

    def test_amounts_follow_their_currency(self, bench: SyncHarness) -> None:
        """An amount in a currency of three decimals keeps all three."""
        sent = _find_amounts_in_major_units(bench)
        swap = _CurrencySwap()
        stored = _read_amounts(bench.kind, swap)
        if not swap.has_swapped:
            skip_case("its answers name no currency")
        for place, amount in sent.items():
            expected = 1000 * amount
            require(
                stored.get(place, expected) == expected,
                f"{_name(place)} is {stored.get(place)} instead of {expected:.0f} for {amount}"
                f" {DINAR}: not every currency has cents, so money times 100 is wrong; use"
                " CURRENCY_EXPONENT[currency]",
            )


def _find_amounts_in_major_units(bench: SyncHarness) -> Amounts:
    """Return the stored amounts that the vendor sends in major units.

    A field counts if it holds a hundredfold of what is sent everywhere, within a cent, and nowhere
    what is sent itself.

    Returns:
        Place → the amount as it is sent.
    """
    require_network(bench)
    numbers = _NumberCollector()
    stored = _read_amounts(bench.kind, numbers)
    sent: dict[Place, Decimal] = {}
    excluded: set[tuple[str, str]] = set()
    for place, amount in stored.items():
        near = {n for n in numbers.collected if n and abs(100 * n - amount) <= CENT}
        exact = {n for n in near if 100 * n == amount} or near
        if amount in numbers.collected or len(exact) != 1:
            excluded.add((place[0], place[-1]))
        else:
            sent[place] = exact.pop()
    sent = {p: amount for p, amount in sent.items() if (p[0], p[-1]) not in excluded}
    if not sent:
        skip_case("it has no amounts of money in major units")
    return sent


def _read_amounts(kind: type[VendorFake], change: Callable[[Any], Any]) -> Amounts:
    """Read a vendor whose answers are changed; return the stored amounts."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = SyncHarness(kind, Path(folder))
        fresh.vendor.page_size = LARGE
        fresh.sync(rewrite_response(change))
        rows, records = fresh.rows(), [r for s in fresh.streams for r in s.record_types]
        fresh.close()
    fields = {str(record.__tablename__): list_money_fields(record) for record in records}
    return {
        (*key, name): Decimal(row[name])
        for key, row in rows.items()
        for name in fields.get(key[0], ())
        if row.get(name)
    }


def _name(place: Place) -> str:
    table, *key, name = place
    return f"{table} {' '.join(key)}: {name}"


@dataclass
class _NumberCollector:
    """Collects the numbers of answers, texts that are numbers included."""

    collected: set[Decimal] = field(default_factory=set)

    def __call__(self, body: Any) -> Any:
        self.collected.update(
            n for _, value in _walk(body) if (n := _parse_number(value)) is not None
        )
        return body


@dataclass
class _LossyCents:
    """Gives these amounts, wherever they stand, cents that a float loses."""

    amounts: set[Decimal]
    changed: dict[Decimal, Decimal] = field(default_factory=dict)

    def __call__(self, body: Any) -> Any:
        return _rewrite(body, self._change)

    def _change(self, _name: str, value: Any) -> Any:
        amount = _parse_number(value)
        if amount not in self.amounts or amount is None:
            return value
        lossy = self.changed.setdefault(amount, _find_lossy(int(amount)))
        return str(lossy) if isinstance(value, str) else float(lossy)


@dataclass
class _CurrencySwap:
    """Replaces every currency by one of three decimals."""

    has_swapped: bool = False

    def __call__(self, body: Any) -> Any:
        return _rewrite(body, self._change)

    def _change(self, name: str, value: Any) -> Any:
        is_text = isinstance(value, str) and "currency" in name.lower()
        if not is_text or value.upper() not in CURRENCY_EXPONENT:
            return value
        self.has_swapped = True
        return DINAR.lower() if value.islower() else DINAR


def _find_lossy(whole: int) -> Decimal:
    """Return so many whole units with cents that a float loses."""
    amounts = [Decimal(f"{whole}.{cents:02}") for cents in range(1, 100)]
    return next((a for a in amounts if int(float(a) * 100) != 100 * a), amounts[0])


def _parse_number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _walk(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every single value of a document with its name."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _walk(part, key)
    elif isinstance(value, list):
        for part in value:
            yield from _walk(part, name)
    else:
        yield name, value


def _rewrite(value: Any, change: Callable[[str, Any], Any], name: str = "") -> Any:
    """Return the document with every single value changed."""
    if isinstance(value, dict):
        return {key: _rewrite(part, change, key) for key, part in value.items()}
    if isinstance(value, list):
        return [_rewrite(part, change, name) for part in value]
    return change(name, value)
