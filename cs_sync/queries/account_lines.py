"""What the report says of each account, kept while what it is made of stays as it is.

A line is written as six texts: digests of what its two halves are made of, then its past, and of
today its points, what is counted of its details, and the details. JSON has no line's end in it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

import orjson

from cs_sync.queries.kept_results import KeptAnswers
from cs_sync.queries.past_states import PastState, PastStates
from cs_sync.queries.report_money import MoneyConverter
from cs_sync.report import AccountCells, CountedDetails, HistoryPoint, classify_risk
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.fast.packed_json import PackedJson
from cs_sync_schemas.packed import pack_text, unpack_bytes

KIND = "lines"
_SAME = b""
"""Stands for a written point that equals the one before it."""
_NO_POINT = HistoryPoint()
"""Of a day on which an account was not a customer."""
_CELLS = PackedJson[AccountCells](AccountCells)
_COUNTED = PackedJson[CountedDetails](CountedDetails)


@dataclass(frozen=True, slots=True)
class DatedPoint:
    """An account on one day, of which only all accounts tell whether it was a customer.

    `is_billed` says whether billing knew anything of the account, `is_paid_for` whether it paid
    or a subscription ran. Where billing knew no account at all, every one was a customer.
    """

    point: HistoryPoint
    is_billed: bool
    is_paid_for: bool

    def resolve(self, *, billed: bool) -> HistoryPoint:
        """Return the point; empty of an account that was not a customer.

        Args:
            billed: Whether billing knew of any account then.
        """
        return self.point if self.is_paid_for or not billed else _NO_POINT


@dataclass(frozen=True, slots=True)
class AccountLine:
    """What the report says of one account, whatever the others are.

    `past` has its points at the ends of past months, and 30 days ago. What is said of its details
    stays written: that of all accounts at once would take several KB each.
    """

    past: Sequence[DatedPoint]
    now: HistoryPoint
    first_paid: date | None
    change_30d: float | None
    counted: CountedDetails
    written: bytes


class LineMaker(Protocol):
    """Makes the two halves of an account's line, its past and its today."""

    def digest_past(self, account: str) -> bytes:
        """Digest what the past is made of."""
        ...

    def digest_today(self, account: str) -> bytes:
        """Digest what today is made of."""
        ...

    def write_past(self, account: str) -> bytes:
        """Write the past: see `write_past`."""
        ...

    def write_today(self, account: str) -> Sequence[bytes]:
        """Write today: see `write_today`."""
        ...


def keep_lines(
    workspace: Workspace, basis: str, accounts: Iterable[str], maker: LineMaker
) -> dict[str, AccountLine]:
    """Return accounts' lines, kept or made, or half of each.

    Args:
        workspace: The workspace.
        basis: Digest of what all of them are made of.
        accounts: The ids of the accounts.
        maker: Makes the lines.
    """
    kept, reader = KeptAnswers(workspace, KIND, basis), LineReader()
    contents, lines = dict[str, bytes](), dict[str, AccountLine]()
    for account in accounts:
        past, today = maker.digest_past(account), maker.digest_today(account)
        packed = kept.packed.get(account)
        parts = [b"", b""] if packed is None else unpack_bytes(packed).split(b"\n")
        if packed is None or parts[0] != past or parts[1] != today:
            earlier = parts[2] if parts[0] == past else maker.write_past(account)
            parts = [past, today, earlier, *maker.write_today(account)]
            packed = pack_text(b"\n".join(parts))
        contents[account] = packed
        lines[account] = reader.read(parts, packed)
    kept.replace_packed(contents)
    return lines


def read_cells(written: bytes) -> AccountCells:
    """Read the cells of a written line."""
    return _CELLS.from_text(unpack_bytes(written).rpartition(b"\n")[2])


def write_past(past: PastStates, money: MoneyConverter) -> bytes:
    """Write the day of the first MRR, and the points of past days."""
    texts = [orjson.dumps(past.first_paid)]
    before, last = _SAME, None
    for state in past.states:
        text = before if state is last else write_past_point(state, money)
        texts.append(_SAME if text == before else text)
        before, last = text, state
    return b"\t".join(texts)


def write_today(
    before: bytes,
    now: HistoryPoint,
    change_30d: float | None,
    counted: CountedDetails,
    cells: AccountCells,
) -> list[bytes]:
    """Write what the report says of an account today.

    Args:
        before: The written point of 30 days ago.
        now: The point of today.
        change_30d: The change of the score since.
        counted: What is counted of its details.
        cells: Its details.
    """
    point = b"\t".join((orjson.dumps(change_30d), before, _write_point(now)))
    return [point, _COUNTED.to_text(counted), _CELLS.to_text(cells)]


def write_past_point(state: PastState, money: MoneyConverter) -> bytes:
    """Write the point of an account on a past day."""
    pays = any(state.paid.values())
    risk = classify_risk(state.band, leaving=state.is_leaving, unpaid=state.is_unpaid)
    mrr = money.add_up(state.paid)
    point = HistoryPoint(mrr, pays, state.score, state.band, risk, state.lost)
    return _write_point(point, is_billed=state.is_billed, is_paid_for=pays or state.is_running)


def _write_point(point: HistoryPoint, *, is_billed: bool = True, is_paid_for: bool = True) -> bytes:
    parts = [getattr(point, name) for name in HistoryPoint.__slots__]
    return orjson.dumps([parts, is_billed, is_paid_for])


@dataclass(frozen=True, slots=True)
class LineReader:
    """Reads written lines; equal parts of them are one object, made once."""

    _points: dict[bytes, DatedPoint] = field(default_factory=dict)
    _lost: dict[Any, Mapping[str, float]] = field(default_factory=dict)
    _days: dict[bytes, date | None] = field(default_factory=dict)
    _counted: dict[bytes, CountedDetails] = field(default_factory=dict)

    def read(self, parts: Sequence[bytes], written: bytes) -> AccountLine:
        """Read a line from its parts.

        Args:
            parts: The six texts.
            written: All of them, packed.
        """
        first_paid, *past = parts[2].split(b"\t")
        change, before, now = parts[3].split(b"\t")
        return AccountLine(
            self.read_points((*past, before)),
            self._read_point(now).point,
            self._read_day(first_paid),
            orjson.loads(change),
            self._read_counted(parts[4]),
            written,
        )

    def read_points(self, texts: Iterable[bytes]) -> list[DatedPoint]:
        """Read points, of which those that equal the one before are empty."""
        points: list[DatedPoint] = []
        for text in texts:
            points.append(points[-1] if text == _SAME else self._read_point(text))
        return points

    def _read_point(self, text: bytes) -> DatedPoint:
        point = self._points.get(text)
        if point is None:
            parts, is_billed, is_paid_for = orjson.loads(text)
            lost = parts[-1]
            parts[-1] = self._lost.setdefault((*lost, *lost.values()), lost)
            point = self._points[text] = DatedPoint(HistoryPoint(*parts), is_billed, is_paid_for)
        return point

    def _read_day(self, text: bytes) -> date | None:
        if text not in self._days:
            day = orjson.loads(text)
            self._days[text] = None if day is None else date.fromisoformat(day)
        return self._days[text]

    def _read_counted(self, text: bytes) -> CountedDetails:
        if text not in self._counted:
            self._counted[text] = _COUNTED.from_text(text)
        return self._counted[text]


def find_billed(accounts: Iterable[AccountLine]) -> list[bool]:
    """Return for each past day whether billing knew anything of any account."""
    billed: list[bool] = []
    for of_account in accounts:
        own = [day.is_billed for day in of_account.past]
        billed = [any(pair) for pair in zip(billed or own, own, strict=True)]
        if all(billed):
            break
    return billed
