"""Cached MRR metrics, updated incrementally by the accounts changed since."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import Connection, delete, func, or_, select

from cs_sync.contracts.errors import StoreError
from cs_sync.metrics.incremental import CachedQuery, normalise_rows, update_sums
from cs_sync.store.engine import Store
from cs_sync.store.fast.account_snapshot import select_changed_accounts, snapshot_accounts
from cs_sync.store.records.write import split_chunks, upsert_rows
from cs_sync_schemas import Account, CachedMetric, MrrSpan, get_table

ACCOUNT, FIGURE, SPAN = get_table(Account), get_table(CachedMetric), get_table(MrrSpan)
RETENTION = timedelta(days=100)
"""Figures that nobody asked for so long are forgotten."""
Rows = list[dict[str, Any]]


def answer_questions(store: Store, questions: Sequence[CachedQuery], upto: datetime) -> list[Rows]:
    """Return the rows of each question, from the cache where possible.

    A cached answer is updated incrementally: subtract the changed accounts' old contribution,
    add the new one.

    Args:
        store: The store; new answers are cached in it.
        asked: Questions under one MRR policy.
        upto: The knowledge time: now.
    """
    if not questions:
        return []
    named = {question.digest(): question for question in questions}
    with store.snapshot() as connection:
        books = _CachedAnswers(connection, questions[0].scope.policy.hash, upto)
        if books.has_newer_knowledge(segmented=any(question.scope.by for question in questions)):
            return [_execute_question(connection, question) for question in questions]
        books.answer(named)
    with suppress(StoreError), store.write() as connection:  # a copy costs time, not truth
        _save_cached(connection, books.fresh, upto)
    return [books.rows[name] for name in named]


@dataclass(slots=True)
class _CachedAnswers:
    """The answers under one policy at one knowledge time."""

    connection: Connection
    policy: str
    upto: datetime
    rows: dict[str, Rows] = field(default_factory=dict)
    fresh: list[dict[str, Any]] = field(default_factory=list)
    """Figures to be kept."""
    _bases: dict[datetime, str] = field(default_factory=dict)

    def has_newer_knowledge(self, *, segmented: bool) -> bool:
        """Return whether accounts changed after `upto`: a run is active or was interrupted."""
        further = select_changed_accounts(self.policy, self.upto, segmented=segmented).limit(1)
        return self.connection.scalar(further) is not None

    def answer(self, questions: Mapping[str, CachedQuery]) -> None:
        """Set every question's rows: cached, updated incrementally, or computed in full."""
        cached = {
            row["question"]: row
            for row in _read_cached(self.connection, list(questions))
            if row["known_at"] <= self.upto and row["basis"] == self._hash_basis(row["known_at"])
        }
        for since in sorted({row["known_at"] for row in cached.values()}):
            group = {name: row["rows"] for name, row in cached.items() if row["known_at"] == since}
            if since == self.upto:
                self.rows |= group
            else:
                self._update_incrementally({name: questions[name] for name in group}, group, since)
        for name, question in questions.items():
            if name not in self.rows:
                self._add_answer(name, question, _execute_question(self.connection, question))

    def _update_incrementally(
        self, questions: Mapping[str, CachedQuery], cached: Mapping[str, Rows], since: datetime
    ) -> None:
        segmented = any(question.scope.by for question in questions.values())
        touched = select_changed_accounts(self.policy, since, segmented=segmented)
        if self._is_full_cheaper(touched):
            return
        with snapshot_accounts(
            self.connection, self.policy, touched, segmented=segmented
        ) as as_known:
            as_known(since)
            before = {
                name: _execute_question(self.connection, query) for name, query in questions.items()
            }
            as_known(self.upto)
            after = {
                name: _execute_question(self.connection, query) for name, query in questions.items()
            }
        for name, question in questions.items():
            rows = update_sums(cached[name], before[name], after[name])
            if rows is not None:
                self._add_answer(name, question, rows)

    def _is_full_cheaper(self, touched: Any) -> bool:
        """Return whether a full computation costs no more than two partial ones."""
        few = self.connection.scalar(select(func.count()).select_from(touched.subquery()))
        everyone = self.connection.scalar(select(func.count()).select_from(ACCOUNT))
        return (few or 0) * 2 > (everyone or 0)

    def _add_answer(self, name: str, question: CachedQuery, rows: Rows) -> None:
        self.rows[name] = rows
        self.fresh.append(
            {
                "question": name,
                "name": question.name,
                "policy": self.policy,
                "known_at": self.upto,
                "basis": self._hash_basis(self.upto),
                "rows": rows,
            }
        )

    def _hash_basis(self, known_at: datetime) -> str:
        """Hash what no knowledge time covers: excluded accounts and manual changes."""
        if known_at not in self._bases:
            visible = SPAN.c.known_from <= known_at
            sums = select(func.count(), func.sum(SPAN.c.amount))
            totals = self.connection.execute(
                sums.where(SPAN.c.policy == self.policy, visible)
            ).one()
            out = or_(ACCOUNT.c.is_test.is_(True), ACCOUNT.c.merged_into.is_not(None))
            left_out = sorted(self.connection.scalars(select(ACCOUNT.c.id).where(out)))
            basis = [*(int(number or 0) for number in totals), left_out]
            self._bases[known_at] = sha256(orjson.dumps(basis)).hexdigest()
        return self._bases[known_at]


def _execute_question(connection: Connection, question: CachedQuery) -> Rows:
    return normalise_rows(row._asdict() for row in connection.execute(question.statement))


def _read_cached(connection: Connection, names: Sequence[str]) -> list[dict[str, Any]]:
    columns = (FIGURE.c.question, FIGURE.c.known_at, FIGURE.c.basis, FIGURE.c.rows)
    return [
        row._asdict()
        for chunk in split_chunks(names)
        for row in connection.execute(select(*columns).where(FIGURE.c.question.in_(chunk)))
    ]


def _save_cached(connection: Connection, figures: Sequence[dict[str, Any]], now: datetime) -> None:
    if figures:
        upsert_rows(connection, FIGURE, figures)
        connection.execute(delete(FIGURE).where(FIGURE.c.known_at < now - RETENTION))
