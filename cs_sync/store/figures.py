"""Figures about MRR that are kept, and brought up to date by what changed since."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import orjson
from sqlalchemy import Connection, delete, func, or_, select

from cs_sync.contracts.errors import StoreError
from cs_sync.metrics.sums import Question, brought_up_to_date, plain
from cs_sync.store.database import Store
from cs_sync.store.few import few_accounts, learnt_of
from cs_sync.store.records import chunks, upsert
from cs_sync_schemas import Account, Figure, MrrSpan, table_of

ACCOUNT, FIGURE, SPAN = table_of(Account), table_of(Figure), table_of(MrrSpan)
KEPT_FOR = timedelta(days=100)
"""Figures that nobody asked for so long are forgotten."""
Rows = list[dict[str, Any]]


def answers(store: Store, asked: Sequence[Question], upto: datetime) -> list[Rows]:
    """The rows of each question, all under one policy, with what is known at `upto`: now.

    What was answered before is not computed again: what the accounts of which something was learnt
    since were in it for is taken off, and what they are in it for now is added.
    """
    if not asked:
        return []
    named = {question.digest(_definitions()): question for question in asked}
    with store.snapshot() as connection:
        books = _Books(connection, asked[0].scope.policy.hash, upto)
        if books.unsettled(segmented=any(question.scope.by for question in asked)):
            return [_whole(connection, question) for question in asked]
        books.answer(named)
    with suppress(StoreError), store.write() as connection:  # a copy costs time, not truth
        _save(connection, books.fresh, upto)
    return [books.rows[name] for name in named]


@dataclass(slots=True)
class _Books:
    """One policy's books at one moment, and what is answered of them."""

    connection: Connection
    policy: str
    upto: datetime
    rows: dict[str, Rows] = field(default_factory=dict)
    fresh: list[dict[str, Any]] = field(default_factory=list)
    """Figures to be kept."""
    _bases: dict[datetime, str] = field(default_factory=dict)

    def unsettled(self, *, segmented: bool) -> bool:
        """Whether a run is at work, or was stopped at it: some accounts are further than `upto`."""
        further = learnt_of(self.policy, self.upto, segmented=segmented).limit(1)
        return self.connection.scalar(further) is not None

    def answer(self, asked: Mapping[str, Question]) -> None:
        """Every question's rows: as kept, brought up to date, or computed as a whole."""
        kept = {
            row["question"]: row
            for row in _read(self.connection, list(asked))
            if row["known_at"] <= self.upto and row["basis"] == self._basis(row["known_at"])
        }
        for since in sorted({row["known_at"] for row in kept.values()}):
            some = {name: row["rows"] for name, row in kept.items() if row["known_at"] == since}
            if since == self.upto:
                self.rows |= some
            else:
                self._bring_up_to_date({name: asked[name] for name in some}, some, since)
        for name, question in asked.items():
            if name not in self.rows:
                self._keep(name, question, _whole(self.connection, question))

    def _bring_up_to_date(
        self, asked: Mapping[str, Question], kept: Mapping[str, Rows], since: datetime
    ) -> None:
        segmented = any(question.scope.by for question in asked.values())
        touched = learnt_of(self.policy, since, segmented=segmented)
        if self._are_many(touched):
            return
        with few_accounts(self.connection, self.policy, touched, segmented=segmented) as as_known:
            as_known(since)
            before = {name: _whole(self.connection, one) for name, one in asked.items()}
            as_known(self.upto)
            after = {name: _whole(self.connection, one) for name, one in asked.items()}
        for name, question in asked.items():
            rows = brought_up_to_date(kept[name], before[name], after[name])
            if rows is not None:
                self._keep(name, question, rows)

    def _are_many(self, touched: Any) -> bool:
        """Whether to compute them twice is no less than to compute everything once."""
        few = self.connection.scalar(select(func.count()).select_from(touched.subquery()))
        everyone = self.connection.scalar(select(func.count()).select_from(ACCOUNT))
        return (few or 0) * 2 > (everyone or 0)

    def _keep(self, name: str, question: Question, rows: Rows) -> None:
        self.rows[name] = rows
        self.fresh.append(
            {
                "question": name,
                "name": question.name,
                "policy": self.policy,
                "known_at": self.upto,
                "basis": self._basis(self.upto),
                "rows": rows,
            }
        )

    def _basis(self, known_at: datetime) -> str:
        """Digest of what no knowledge date tells: who counts, and what somebody did by hand."""
        if known_at not in self._bases:
            known = SPAN.c.known_from <= known_at
            sums = select(func.count(), func.sum(SPAN.c.amount))
            found = self.connection.execute(sums.where(SPAN.c.policy == self.policy, known)).one()
            out = or_(ACCOUNT.c.is_test.is_(True), ACCOUNT.c.merged_into.is_not(None))
            left_out = sorted(self.connection.scalars(select(ACCOUNT.c.id).where(out)))
            told = [*(int(number or 0) for number in found), left_out]
            self._bases[known_at] = sha256(orjson.dumps(told)).hexdigest()
        return self._bases[known_at]


def _whole(connection: Connection, question: Question) -> Rows:
    return plain(row._asdict() for row in connection.execute(question.statement))


def _read(connection: Connection, names: Sequence[str]) -> list[dict[str, Any]]:
    columns = (FIGURE.c.question, FIGURE.c.known_at, FIGURE.c.basis, FIGURE.c.rows)
    return [
        row._asdict()
        for some in chunks(names)
        for row in connection.execute(select(*columns).where(FIGURE.c.question.in_(some)))
    ]


def _save(connection: Connection, figures: Sequence[dict[str, Any]], now: datetime) -> None:
    if figures:
        upsert(connection, FIGURE, figures)
        connection.execute(delete(FIGURE).where(FIGURE.c.known_at < now - KEPT_FOR))


@cache
def _definitions() -> str:
    """Digest of the rooms that say how figures come about: no other version's are taken."""
    said = sha256()
    for name in ("cs_sync.metrics", "cs_sync_schemas"):
        _tell(files(name), said.update)
    return said.hexdigest()


def _tell(room: Traversable, update: Any) -> None:
    for part in sorted(room.iterdir(), key=lambda one: one.name):
        if part.is_dir():
            _tell(part, update)
        elif part.name.endswith(".py"):
            update(part.read_bytes())
