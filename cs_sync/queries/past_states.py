"""Accounts at the ends of past days: their scores by today's model, and their billing then."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from msgspec import Struct, field

from cs_sync.health import (
    HealthConfig,
    HealthScore,
    ScoreBook,
    SignalScope,
    build_day_scope,
    measure_loss,
    sweeps_use,
)
from cs_sync.health.facts import BillingMarks
from cs_sync.health.signals.billing_sweep import BILLING, mark_billing
from cs_sync.health.signals.use_history import AccountUse
from cs_sync.metrics.sql.chosen_accounts import ChosenAccounts
from cs_sync.queries.model_choice import select_model
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.accounts import find_first_paid, get_mrr_before, read_mrr_spans
from cs_sync.store.queries.health import read_signals, read_swept_facts, read_use_history
from cs_sync_schemas.times import count_microseconds

_NO_BILLING = BillingMarks()


class PastState(Struct, frozen=True, array_like=True):
    """An account at the end of a past day.

    `lost` maps each known input of the score to the points that it cost, `paid` currency to MRR
    in minor units. `is_billed` says whether billing knew anything of the account, `is_running`
    whether a subscription ran.
    """

    score: float | None = None
    band: str = ""
    lost: Mapping[str, float] = field(default_factory=dict)
    is_billed: bool = False
    is_running: bool = False
    is_leaving: bool = False
    is_unpaid: bool = False
    paid: Mapping[str, int] = field(default_factory=dict)


class PastStates(Struct, frozen=True, array_like=True):
    """An account at the ends of past days, and the day of its first MRR."""

    states: tuple[PastState, ...] = ()
    first_paid: date | None = None


class StateBook(Struct, frozen=True):
    """Past states of many accounts; equal ones are one object, made once."""

    _lost: dict[int, tuple[HealthScore, float | None, Mapping[str, float]]] = field(
        default_factory=dict
    )
    _states: dict[Any, PastState] = field(default_factory=dict)

    def build(
        self, score: HealthScore, billing: BillingMarks | None, paid: Mapping[str, int]
    ) -> PastState:
        """Build the state of an account from its score, billing and MRR."""
        if id(score) not in self._lost:
            # The score is kept beside its values, so that nothing else takes its id.
            self._lost[id(score)] = (
                score,
                None if score.score is None else float(score.score),
                {part.input: measure_loss(part, score.mode) for part in score.contributions},
            )
        _, value, lost = self._lost[id(score)]
        known = billing or _NO_BILLING
        marks = (billing is not None, known.is_running, known.is_leaving, known.is_unpaid)
        key = (id(score), *marks, *paid.items())
        if key not in self._states:
            self._states[key] = PastState(value, score.band, lost, *marks, paid=paid)
        return self._states[key]


def read_past_states(
    workspace: Workspace,
    model: HealthConfig,
    rows: Sequence[Mapping[str, Any]],
    days: Sequence[date],
    chosen: ChosenAccounts = (),
    uses: Iterable[tuple[str, AccountUse]] | None = None,
) -> dict[str, PastStates]:
    """Read the states of accounts at the ends of days.

    Args:
        workspace: The workspace.
        model: Today's health model.
        rows: The rows of the accounts.
        days: The days, oldest first.
        chosen: The same accounts, for statements.
        uses: All use of the accounts, if it is at hand.

    Returns:
        Account id → its states, in the order of the days.
    """
    zone, policy = workspace.config.workspace.timezone, get_mrr_policy(workspace).hash
    states: dict[str, list[PastState]] = {row["id"]: [] for row in rows}
    book, state_book, signals = ScoreBook(), StateBook(), model.list_signals()
    scopes = _build_scopes(workspace, days, chosen)
    with workspace.store.read() as connection:
        spans = read_mrr_spans(connection, policy, chosen)
        is_swept = sweeps_use(signals)
        use = read_use_history(connection, scopes[-1], uses=uses) if is_swept else None
        swept = read_swept_facts(connection, signals, scopes)
        billing = swept.facts[BILLING.name]
        for scope in scopes:
            readings = read_signals(connection, signals, scope, use=use, swept=swept)
            at = count_microseconds(scope.until)
            for row in rows:
                id_ = row["id"]
                own = select_model(row, model, scope)
                score = book.score(readings.get(id_, {}), own, scope)
                paid = get_mrr_before(spans.get(id_, ()), scope.until)
                states[id_].append(
                    state_book.build(score, mark_billing(billing.get(id_, ()), at), paid)
                )
    return {
        id_: PastStates(tuple(of_account), find_first_paid(spans.get(id_, ()), zone))
        for id_, of_account in states.items()
    }


def _build_scopes(
    workspace: Workspace, days: Sequence[date], chosen: ChosenAccounts
) -> list[SignalScope]:
    return [
        replace(
            build_day_scope(day, str(workspace.config.workspace.timezone), chosen),
            active_features=workspace.config.metrics.active_features,
            policy=get_mrr_policy(workspace).hash,
        )
        for day in days
    ]
