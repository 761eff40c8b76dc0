"""What the report says of each account, kept while what it is made of stays as it is."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import orjson

from cs_sync.queries.kept_results import MAX_AT_HAND, KeptAnswers, WrittenResults
from cs_sync.queries.past_states import PastState
from cs_sync.queries.report_money import MoneyConverter
from cs_sync.report import AccountCells, HistoryPoint, classify_risk
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.fast.packed_json import PackedJson

KIND = "lines"
_SAME = ""
"""Stands for a written point that equals the one before it."""
_NO_POINT = HistoryPoint()
"""Of a day on which an account was not a customer."""


@dataclass(frozen=True, slots=True)
class AccountLine:
    """What the report says of one account, whatever the others are.

    `made_of` digests what that is made of. `points` are those of the past days, and of today,
    as `write_points` writes them.
    """

    made_of: str
    points: Sequence[str]
    change_30d: float | None
    first_paid: date | None
    cells: AccountCells


FORM = PackedJson[AccountLine](AccountLine)


def keep_lines(
    workspace: Workspace,
    basis: str,
    made_of: Mapping[str, str],
    build: Callable[[str], AccountLine],
) -> WrittenResults[AccountLine]:
    """Return the lines of accounts, kept or built.

    Args:
        workspace: The workspace.
        basis: Digest of what all of them are made of.
        made_of: Account id → digest of what its line is made of.
        build: Builds the line of an account.
    """
    kept = KeptAnswers(workspace, KIND, basis)
    contents, at_hand = dict[str, bytes](), dict[str, AccountLine]()
    for account, digest in made_of.items():
        packed = kept.packed.get(account)
        line = None if packed is None else FORM.decode(packed)
        if packed is None or line is None or line.made_of != digest:
            line = build(account)
            packed = FORM.encode(line)
        contents[account] = packed
        if len(made_of) <= MAX_AT_HAND:
            at_hand[account] = line
    kept.replace_packed(contents)
    return WrittenResults(FORM, contents, at_hand)


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


def write_points(
    states: Iterable[PastState], now: HistoryPoint, money: MoneyConverter
) -> list[str]:
    """Write the points of an account's past days, and that of today."""
    texts: list[str] = []
    before = ""
    last: PastState | None = None
    for state in states:
        text = before if state is last else _write_past_point(state, money)
        texts.append(_SAME if text == before else text)
        before, last = text, state
    text = _write_point(now)
    return [*texts, _SAME if text == before else text]


def _write_past_point(state: PastState, money: MoneyConverter) -> str:
    pays = any(state.paid.values())
    risk = classify_risk(state.band, leaving=state.is_leaving, unpaid=state.is_unpaid)
    mrr = money.add_up(state.paid)
    point = HistoryPoint(mrr, pays, state.score, state.band, risk, state.lost)
    return _write_point(point, is_billed=state.is_billed, is_paid_for=pays or state.is_running)


def _write_point(point: HistoryPoint, *, is_billed: bool = True, is_paid_for: bool = True) -> str:
    parts = [getattr(point, name) for name in HistoryPoint.__slots__]
    return orjson.dumps([parts, is_billed, is_paid_for]).decode()


@dataclass(frozen=True, slots=True)
class PointReader:
    """Reads written points; equal ones are one object, made once."""

    _points: dict[str, DatedPoint] = field(default_factory=dict)
    _lost: dict[Any, Mapping[str, float]] = field(default_factory=dict)

    def read_all(self, texts: Iterable[str]) -> list[DatedPoint]:
        """Read the points of an account: see `write_points`."""
        points: list[DatedPoint] = []
        for text in texts:
            points.append(points[-1] if text == _SAME else self._read(text))
        return points

    def _read(self, text: str) -> DatedPoint:
        if text not in self._points:
            parts, is_billed, is_paid_for = orjson.loads(text)
            lost = parts[-1]
            parts[-1] = self._lost.setdefault((*lost, *lost.values()), lost)
            self._points[text] = DatedPoint(HistoryPoint(*parts), is_billed, is_paid_for)
        return self._points[text]


def find_billed(accounts: Iterable[Sequence[DatedPoint]]) -> list[bool]:
    """Return for each day whether billing knew anything of any account."""
    billed: list[bool] = []
    for of_account in accounts:
        own = [day.is_billed for day in of_account]
        billed = [any(pair) for pair in zip(billed or own, own, strict=True)]
        if all(billed):
            break
    return billed
