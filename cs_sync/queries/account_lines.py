"""What the report says of each account, kept while what it is made of stays as it is.

A line is written as six texts: digests of what its two halves are made of, then its past, and of
today its points, what is counted of its details, and the details. JSON has no line's end in it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from operator import attrgetter
from typing import Any, NamedTuple, Protocol

import orjson

from cs_sync.queries.kept_results import KeptAnswers
from cs_sync.queries.past_states import PastState, PastStates
from cs_sync.queries.report_money import MoneyConverter
from cs_sync.report import AccountCells, CountedDetails, HistoryPoint, classify_risk
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.fast.kept_results import unpack_kept
from cs_sync.store.fast.packed_json import PackedJson
from cs_sync_schemas.packed import pack_text

KIND = "lines"
_SAME = b""
"""Stands for a written point that equals the one before it."""
_get_values = attrgetter(*HistoryPoint.__struct_fields__)
_NO_POINT = HistoryPoint()
"""Of a day on which an account was not a customer."""
_CELLS = PackedJson[AccountCells](AccountCells)
_COUNTED = PackedJson[CountedDetails](CountedDetails)


class AccountLine(NamedTuple):
    """What the report says of one account, whatever the others are, as it is written."""

    past: bytes
    """See `write_past`."""
    today: bytes
    """See `write_today`; what is counted of its details, too."""
    counted: bytes
    packed: bytes
    """The whole line, from which cells are read: of all accounts they would take much memory."""


class ReadLine(NamedTuple):
    """What the report says of one account but for its details.

    `past` are its points at the ends of past months, `before` is that of 30 days ago.
    """

    past: tuple[HistoryPoint, ...]
    before: HistoryPoint
    now: HistoryPoint
    first_paid: date | None
    change_30d: float | None
    counted: CountedDetails


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
) -> Iterator[tuple[str, AccountLine]]:
    """Yield accounts' lines, kept or made, or half of each.

    After the last one they are kept.

    Args:
        workspace: The workspace.
        basis: Digest of what all of them are made of.
        accounts: The ids of the accounts.
        maker: Makes the lines.
    """
    kept, contents = KeptAnswers(workspace, KIND, basis), dict[str, bytes]()
    for account in accounts:
        past, today = maker.digest_past(account), maker.digest_today(account)
        packed = kept.packed.get(account)
        parts = [b"", b""] if packed is None else unpack_kept(packed).split(b"\n")
        if packed is None or parts[0] != past or parts[1] != today:
            earlier = parts[2] if parts[0] == past else maker.write_past(account)
            parts = [past, today, earlier, *maker.write_today(account)]
            packed = pack_text(b"\n".join(parts))
        contents[account] = packed
        yield account, AccountLine(parts[2], parts[3], parts[4], packed)
    kept.replace_packed(contents)


def write_past(past: PastStates, money: MoneyConverter) -> bytes:
    """Write the first day with MRR, and points of past days."""
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
    points = b"\t".join((orjson.dumps(change_30d), before, _write_point(_get_values(now))))
    return [points, _COUNTED.to_text(counted), _CELLS.to_text(cells)]


def write_past_point(state: PastState, money: MoneyConverter) -> bytes:
    """Write the point of an account on a past day."""
    pays = any(state.paid.values())
    risk = classify_risk(state.band, leaving=state.is_leaving, unpaid=state.is_unpaid)
    values = (money.add_up(state.paid), pays, state.score, state.band, risk, state.lost)
    return _write_point(values, is_billed=state.is_billed, is_paid_for=pays or state.is_running)


def _write_point(
    values: tuple[Any, ...], *, is_billed: bool = True, is_paid_for: bool = True
) -> bytes:
    """Write a point by its values.

    Only all accounts tell whether it was a customer's.
    `is_billed` says whether billing knew anything of the account, `is_paid_for` whether it paid
    or a subscription ran. Where billing knew no account at all, every one was a customer.
    """
    return orjson.dumps((is_billed, is_paid_for, values))


def find_billed(
    lines: Iterable[tuple[str, AccountLine]],
) -> tuple[list[bool], list[tuple[str, AccountLine]]]:
    """Find for each past day whether billing knew anything of any account.

    Returns:
        The answers for past days and for 30 days ago, and the lines that were taken for them.
    """
    billed: list[bool] = []
    taken: list[tuple[str, AccountLine]] = []
    known: dict[bytes, bool] = {}
    for named in lines:
        taken.append(named)
        texts = _list_points(named[1])
        known.update((text, orjson.loads(text)[0]) for text in texts if text not in known)
        own = [known[text] for text in texts]
        billed = [any(pair) for pair in zip(billed or own, own, strict=True)]
        if all(billed):
            break
    return billed, taken


def _list_points(line: AccountLine) -> list[bytes]:
    """List the written points of past days, and of 30 days ago."""
    texts = line.past.split(b"\t")
    for place in range(2, len(texts)):
        texts[place] = texts[place] or texts[place - 1]
    return [*texts[1:], line.today.split(b"\t")[1]]


class LineReader:
    """Reads written lines; equal parts of them are one object, made once."""

    def __init__(self, billed: Sequence[bool]) -> None:
        """Take what `find_billed` found of past days."""
        self._points: tuple[dict[bytes, HistoryPoint], ...] = ({}, {})
        self._by_day = [self._points[is_billed] for is_billed in billed]
        self._lost: dict[Any, Mapping[str, float]] = {}
        self._days: dict[bytes, date | None] = {}
        self._counted: dict[bytes, CountedDetails] = {}

    def read(self, line: AccountLine) -> ReadLine:
        """Read a line.

        Points are empty of days on which the account was no customer.
        """
        first_paid, *texts = line.past.split(b"\t")
        change, before, now = line.today.split(b"\t")
        texts.append(before)
        points, last = list[HistoryPoint](), _SAME
        for text, of_day in zip(texts, self._by_day, strict=True):
            last = text or last
            points.append(of_day.get(last) or self._make_point(last, of_day))
        of_today = self._points[False]  # of today there is no doubt
        return ReadLine(
            tuple(points[:-1]),
            points[-1],
            of_today.get(now) or self._make_point(now, of_today),
            self._read_day(first_paid),
            orjson.loads(change),
            self._read_counted(line.counted),
        )

    def _make_point(self, text: bytes, of_day: dict[bytes, HistoryPoint]) -> HistoryPoint:
        _, is_paid_for, parts = orjson.loads(text)
        lost = parts[-1]
        parts[-1] = self._lost.setdefault((*lost, *lost.values()), lost)
        is_shown = is_paid_for or of_day is self._points[False]
        point = of_day[text] = HistoryPoint(*parts) if is_shown else _NO_POINT
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


def read_cells(packed: bytes) -> AccountCells:
    """Read the cells of a written line."""
    return _CELLS.from_text(unpack_kept(packed).rpartition(b"\n")[2])
