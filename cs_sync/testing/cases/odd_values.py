"""Records with values that no record can have: each costs itself at most, never its stream."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from cs_sync.testing.cases.texts import LARGE, nothing_vanished, records_in
from cs_sync.testing.faults import rewritten
from cs_sync.testing.syncing import SyncBench
from cs_sync.testing.verdicts import came_through, needs_network

NUMBERS: tuple[Any, ...] = (2**63, -(2**63) - 1, 10**30, float("nan"), float("inf"), 1e300, -1)
"""Beyond 64 bits on either side, what JSON does not know, what no integer is, less than nothing."""
TIMES = (
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00+14:00",
    "1969-12-31T23:59:59Z",
    "30000-01-01T00:00:00Z",
)
SECONDS: tuple[Any, ...] = (-1, -(10**12), 253_402_300_800, 10**18)
"""Before 1970, and in the year 10000 and later."""
_TODAY = range(10**9, 3 * 10**9)


class OddValueCases:
    """What holds when single records are not what they should be."""

    def test_impossible_values_cost_one_record_at_most(self, bench: SyncBench) -> None:
        """Numbers out of every range and times at the edges of the calendar, field by field."""
        needs_network(bench)
        bench.vendor.page_size = LARGE
        for first in range(len(NUMBERS)):
            run = bench.sync(rewritten(_Odd(bench.vendor.vital, first)), full=True)
            came_through(run, "with impossible values")
            nothing_vanished(bench, "with impossible values")

    def test_what_is_no_object_costs_itself_only(self, bench: SyncBench) -> None:
        """In place of one record of each list stands null, a number, a text or a list."""
        needs_network(bench)
        bench.vendor.page_size = LARGE
        odd: tuple[Any, ...] = (None, 7, "fine", [], {})
        for other in odd:
            run = bench.sync(rewritten(partial(_with_first, other)), full=True)
            came_through(run, f"with {other!r} in place of a record")
            nothing_vanished(bench, f"with {other!r} in place of a record")


class _Odd:
    """Changes one number or time of every record, another one each time."""

    def __init__(self, vital: tuple[str, ...], first: int) -> None:
        self._vital, self._turn = vital, first

    def __call__(self, body: Any) -> bytes:
        for record in records_in(body):
            if places := list(self._places(record)):
                holder, key = places[self._turn % len(places)]
                holder[key] = self._other(holder[key])
                self._turn += 1
        return json.dumps(body).encode()

    def _places(self, held: Any) -> Iterator[tuple[Any, Any]]:
        """Where numbers and times stand in a record, however deep."""
        inside = held.items() if isinstance(held, dict) else enumerate(held)
        for key, value in inside:
            if key in self._vital:
                continue
            if isinstance(value, dict | list):
                yield from self._places(value)
            elif _is_number(value) or _is_time(value):
                yield held, key

    def _other(self, value: Any) -> Any:
        if _is_time(value):
            return TIMES[self._turn % len(TIMES)]
        seconds = isinstance(value, int) and value in _TODAY
        some = SECONDS if seconds else NUMBERS
        return some[self._turn % len(some)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_time(value: Any) -> bool:
    return isinstance(value, str) and value[4:5] == "-" and value[10:11] == "T"


def _with_first(other: Any, body: Any) -> Any:
    """The first of several elements of each list replaced; the last one is often a place.

    What the vendor itself says is wrong with its answer stays as it is.
    """
    lists = [body] if isinstance(body, list) else []
    inside = body.items() if isinstance(body, dict) else ()
    lists += [held for name, held in inside if isinstance(held, list) and name != "errors"]
    for rows in lists:
        if len(rows) > 1:
            rows[0] = other
    return body
