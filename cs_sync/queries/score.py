"""Health scores of all accounts on a day, with reasons."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

from msgspec import Struct, field

from cs_sync.contracts.errors import COMPUTATION_ERRORS, ConfigError
from cs_sync.contracts.events import Event
from cs_sync.health import (
    AccountEvidence,
    HealthConfig,
    HealthScore,
    LossBook,
    ScoreBook,
    ScoreReason,
    SignalScope,
    build_day_scope,
    build_reasons,
    build_score_row,
    is_leaving,
    list_urgent_reasons,
    score_account,
)
from cs_sync.health.signals.billing_sweep import BILLING, mark_billing
from cs_sync.health.signals.use_history import AccountUse
from cs_sync.metrics.sql.chosen_accounts import ChosenAccounts
from cs_sync.queries.account_batches import AccountBatch, split_accounts
from cs_sync.queries.health_model import read_health_model
from cs_sync.queries.kept_results import (
    Refreshed,
    WrittenResults,
    build_basis,
    keep_results,
    refresh_results,
)
from cs_sync.queries.kept_use import KeptUse
from cs_sync.queries.knowledge import resolve_knowledge_time
from cs_sync.queries.model_choice import select_model
from cs_sync.queries.past_states import PastState, StateBook
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.fast.packed_json import HeadedJson
from cs_sync.store.queries.accounts import read_mrr_at
from cs_sync.store.queries.health import (
    read_evidence,
    read_live_accounts,
    read_signals,
    read_swept_facts,
    read_use_history,
)
from cs_sync.store.queries.stored_scores import read_band_changes
from cs_sync_schemas.times import count_microseconds

CHANGE_PERIOD = timedelta(days=30)
_NO_EVIDENCE = AccountEvidence()


class AccountResult(Struct, frozen=True, array_like=True):
    """What is computed of one account on one day, from its own facts."""

    score: HealthScore
    evidence: AccountEvidence
    reasons: tuple[ScoreReason, ...]
    change_30d: Fraction | None
    urgent: tuple[str, ...] = ()
    """What asks for a call whatever the score: an unpaid invoice, a scheduled cancellation."""
    before: PastState = field(default_factory=PastState)
    """The account 30 days earlier."""


class ScoreHead(Struct, frozen=True, array_like=True):
    """What is asked of every account on every run: it is read without the result."""

    band: str
    points: Fraction | None
    """The score; None below the minimum coverage."""
    is_leaving: bool
    """Whether all that it pays for is going to end."""
    is_urgent: bool
    """Whether something asks for a call whatever the score."""
    has_subscription: bool
    """Whether a subscription of it runs."""
    is_on_agenda: bool
    """Whether a subscription of it is to end, or an invoice is overdue."""
    last_use: date | None
    used_features: tuple[str, ...]
    """The features that it used in the last 28 days."""


def _build_head(result: AccountResult) -> ScoreHead:
    facts = result.evidence
    return ScoreHead(
        result.score.band,
        result.score.score,
        is_leaving=is_leaving(facts),
        is_urgent=bool(result.urgent),
        has_subscription=bool(facts.subscriptions),
        is_on_agenda=bool(facts.invoices) or any(sub.ends_at for sub in facts.subscriptions),
        last_use=facts.usage.last_day if facts.usage else None,
        used_features=tuple({fact.feature: 1 for fact in facts.features if fact.recent_days}),
    )


FORM = HeadedJson[AccountResult, ScoreHead](AccountResult, ScoreHead, _build_head)
KIND = ("day", FORM)


class BareScore(Struct, frozen=True):
    """The score of one account on one day, and the model that it is of."""

    model: HealthConfig
    score: HealthScore


class ScoredAccount(Struct, frozen=True):
    """The score of one account on one day; its facts are read from `results` when wanted."""

    account: dict[str, Any]
    model: HealthConfig
    results: Mapping[str, AccountResult]
    head: ScoreHead
    is_customer: bool
    """Whether a subscription of it runs; where no source knows subscriptions, every account is."""

    @property
    def band(self) -> str:
        """The band of the score."""
        return self.head.band

    @property
    def points(self) -> Fraction | None:
        """The score; None below the minimum coverage."""
        return self.head.points

    @property
    def result(self) -> AccountResult:
        """What was computed of the account."""
        return self.results[self.account["id"]]

    @property
    def score(self) -> HealthScore:
        """The score of the day."""
        return self.result.score

    @property
    def evidence(self) -> AccountEvidence:
        """The facts of the account."""
        return self.result.evidence

    @property
    def reasons(self) -> tuple[ScoreReason, ...]:
        """The reasons of the score, the most costly first."""
        return self.result.reasons

    @property
    def change_30d(self) -> Fraction | None:
        """The change of the score over 30 days; None if unknown."""
        return self.result.change_30d

    @property
    def urgent(self) -> tuple[str, ...]:
        """What asks for a call whatever the score."""
        return self.result.urgent

    def row(self, day: date) -> dict[str, Any]:
        """Return the row of `cs-sync score`."""
        left_out = list(self.model.left_out)
        return {**self.build_own_row(day), "is_customer": self.is_customer, "left_out": left_out}

    def build_own_row(self, day: date) -> dict[str, Any]:
        """Build the fields that follow from the account's facts alone."""
        account, name = self.account["id"], self.account["name"]
        return build_score_row(account, name, day, self.score, self.reasons, self.change_30d)


def list_scores(
    workspace: Workspace, *, as_of: date | None = None, known_at: datetime | None = None
) -> list[dict[str, Any]]:
    """List the scores: customers first, lowest score first, unscored accounts last.

    Args:
        workspace: The workspace.
        as_of: The day of the scores; today by default.
        known_at: Use only what was known at this time.

    Raises:
        ConfigError: The day is in the future.
    """
    day = resolve_day(workspace, as_of)
    known_at = resolve_day_knowledge(workspace, day, known_at)
    if day == workspace.today and known_at is None:
        scored, refreshed, use = refresh_scores(workspace)
        keep_results(workspace, refreshed)
        use.keep_new_use()
    else:
        scored = score_accounts(workspace, day, known_at)
    return [item.row(day) for item in sorted(scored, key=_get_urgency)]


def resolve_day(workspace: Workspace, as_of: date | None) -> date:
    """Return the day to score, today by default.

    A future day has no events yet, so every account would look lost.

    Raises:
        ConfigError: The day is in the future.
    """
    if as_of is not None and as_of > workspace.today:
        raise ConfigError(f"{as_of} is in the future", "give today or an earlier day with --as-of")
    return as_of or workspace.today


def resolve_day_knowledge(
    workspace: Workspace, day: date, known_at: datetime | None
) -> datetime | None:
    """Resolve the knowledge time of a day."""
    until = build_day_scope(day, str(workspace.config.workspace.timezone)).until
    return resolve_knowledge_time(workspace, known_at, until)


def list_band_changes(workspace: Workspace, *, since: date) -> list[dict[str, Any]]:
    """List the stored changes of band since a day, newest first."""
    with workspace.store.read() as connection:
        names = {account["id"]: account["name"] for account in read_live_accounts(connection)}
        changes = read_band_changes(connection, workspace.config.health.mode, since)
    return [{**row, "name": names[row["account"]]} for row in changes if row["account"] in names]


def score_accounts(
    workspace: Workspace,
    day: date,
    known_at: datetime | None = None,
    accounts: Sequence[str] = (),
) -> list[ScoredAccount]:
    """Score the live accounts at the end of a day.

    Scores have their evidence and the change of 30 days.

    Args:
        workspace: The workspace.
        day: The day of the scores.
        known_at: Use only what was known at this time, and the accounts known then.
        accounts: Only these account ids; empty means all.
    """
    config = read_health_model(workspace, known_at)
    now = _build_scope(workspace, day, known_at, accounts)
    with workspace.store.read() as connection:
        live = read_live_accounts(connection, known_at, accounts)
    by_id, contents = {account["id"]: account for account in live}, dict[str, bytes]()
    for batch in split_accounts(list(by_id)):
        rows = [by_id[id_] for id_ in batch.ids]
        scope = replace(now, accounts=accounts or batch.chosen)
        results = _compute_results(workspace, rows, config, scope)
        contents.update((id_, FORM.encode(result)) for id_, result in results.items())
    return _combine(live, WrittenResults(FORM, contents), config, now)


def score_bare(
    workspace: Workspace, account: dict[str, Any], day: date, known_at: datetime | None = None
) -> BareScore:
    """Score one account at a day's end, without facts and reasons."""
    config = read_health_model(workspace, known_at)
    scope = _build_scope(workspace, day, known_at, [account["id"]])
    with workspace.store.read() as connection:
        readings = read_signals(connection, config.list_signals(), scope)
    model = select_model(account, config, scope)
    return BareScore(model, score_account(readings.get(account["id"], {}), model, scope))


TakeResults = Callable[[date, Mapping[str, AccountResult]], None]
"""Takes the results of a day that were just computed, batch by batch."""


def refresh_scores(
    workspace: Workspace, take: TakeResults = lambda *_: None
) -> tuple[list[ScoredAccount], Refreshed[AccountResult], KeptUse]:
    """Score today's live accounts; unchanged ones keep their results.

    Args:
        workspace: The workspace.
        take: Gets new results while they are at hand as objects.

    Returns:
        The scored accounts, what is to be kept of them, and their use.
    """
    config, day = read_health_model(workspace), workspace.today
    scope = _build_scope(workspace, day)
    with workspace.store.read() as connection:
        live = read_live_accounts(connection)
    by_id = {account["id"]: account for account in live}
    use = KeptUse(workspace, list(by_id))

    def compute(batch: AccountBatch) -> dict[str, AccountResult]:
        rows, of_batch = [by_id[id_] for id_ in batch.ids], replace(scope, accounts=batch.chosen)
        results = _compute_results(workspace, rows, config, of_batch, use.list_uses(batch))
        take(day, results)
        return results

    basis = build_basis(workspace, config, [day - CHANGE_PERIOD, day])
    refreshed = refresh_results(workspace, KIND, basis, list(by_id), compute)
    return _combine(live, refreshed.results, config, scope), refreshed, use


def _build_scope(
    workspace: Workspace,
    day: date,
    known_at: datetime | None = None,
    accounts: ChosenAccounts = (),
) -> SignalScope:
    return replace(
        build_day_scope(day, str(workspace.config.workspace.timezone), accounts),
        known_at=known_at,
        active_features=workspace.config.metrics.active_features,
        policy=get_mrr_policy(workspace).hash,
    )


def _combine(
    live: Sequence[dict[str, Any]],
    results: WrittenResults[AccountResult],
    config: HealthConfig,
    scope: SignalScope,
) -> list[ScoredAccount]:
    """Combine accounts with their results; those without one are left out."""
    heads = {
        id_: FORM.decode_head(results.get_written(id_))
        for account in live
        if (id_ := account["id"]) in results
    }
    is_billed = any(head.has_subscription for head in heads.values())
    return [
        ScoredAccount(
            account,
            select_model(account, config, scope),
            results,
            head,
            is_customer=head.has_subscription or not is_billed,
        )
        for account in live
        if (head := heads.get(account["id"])) is not None
    ]


def _compute_results(
    workspace: Workspace,
    live: Sequence[dict[str, Any]],
    config: HealthConfig,
    now: SignalScope,
    uses: Iterable[tuple[str, AccountUse]] | None = None,
) -> dict[str, AccountResult]:
    """Compute accounts' results; one that fails costs a warning."""
    earlier = _build_scope(workspace, now.day - CHANGE_PERIOD, now.known_at, now.accounts)
    with workspace.store.read() as connection:
        signals = config.list_signals()
        use = read_use_history(connection, now, uses=uses)
        swept = read_swept_facts(connection, signals, [earlier, now])
        readings = read_signals(connection, signals, now, use=use, swept=swept)
        before = read_signals(connection, signals, earlier, use=use, swept=swept)
        evidence = read_evidence(connection, now, use)
        just_before = earlier.until - timedelta(microseconds=1)
        paid = read_mrr_at(
            connection, just_before, earlier.policy, earlier.accounts, earlier.known_at
        )
    book, state_book, losses, words = ScoreBook(), StateBook(), LossBook(), workspace.words
    billing, at = swept.facts[BILLING.name], count_microseconds(earlier.until)

    def build_result(account: dict[str, Any]) -> AccountResult:
        id_ = account["id"]
        facts = evidence.get(id_, _NO_EVIDENCE)
        score = book.score(readings.get(id_, {}), select_model(account, config, now), now)
        then = book.score(before.get(id_, {}), select_model(account, config, earlier), earlier)
        return AccountResult(
            score,
            facts,
            tuple(build_reasons(score, facts, now, words, losses)),
            _get_change(then, score),
            tuple(list_urgent_reasons(facts, now, words)),
            state_book.build(then, mark_billing(billing.get(id_, ()), at), paid.get(id_, {})),
        )

    results: dict[str, AccountResult] = {}
    for account in live:
        try:
            results[account["id"]] = build_result(account)
        except (
            COMPUTATION_ERRORS
        ) as error:  # one account's facts must not cost all others their score
            message = f"{account['id']} is not scored: {type(error).__name__}: {error}"
            workspace.emit(Event("warning", workspace.clock(), detail={"message": message}))
    return results


def _get_urgency(scored: ScoredAccount) -> tuple[bool, bool, Fraction, str]:
    score = scored.points
    return (not scored.is_customer, score is None, score or Fraction(0), scored.account["id"])


def _get_change(earlier: HealthScore, now: HealthScore) -> Fraction | None:
    """Return the change of a score; None if either is unknown."""
    if now.score is None or earlier.score is None:
        return None
    return now.score - earlier.score
