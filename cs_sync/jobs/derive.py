"""Derivation of accounts and MRR from records: for changed accounts, or for all."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from cs_sync.contracts.events import Event
from cs_sync.i18n.counts import count_noun
from cs_sync.identity import DomainRules, RecordRef, Resolution, resolve_identities
from cs_sync.identity.facts import leave_out_attributes
from cs_sync.jobs.mrr_exclusions import compute_mrr, describe_excluded, read_excluded, save_excluded
from cs_sync.jobs.unlisted_customers import keep_unlisted_customers
from cs_sync.metrics.mrr.plans import list_plan_periods
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.mrr.rows import MrrRows
from cs_sync.queries.identity_questions import describe_open_questions
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.run_session import RunSession, record_run
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.fast.statistics import analyze_new_tables
from cs_sync.store.queries.attributes import has_source_plan, save_plans
from cs_sync.store.queries.derived_state import (
    ACCOUNTS_STREAM,
    DERIVED_SOURCE,
    get_mrr_stream,
    read_derived_cursor,
    read_mrr_known_at,
)
from cs_sync.store.queries.identity_graph import (
    has_identity_changed,
    read_identity_facts,
    read_known_identities,
    save_graph,
)
from cs_sync.store.queries.mrr import save_mrr
from cs_sync.store.queries.stale_accounts import read_stale_accounts
from cs_sync.store.records.stream_state import set_cursor
from cs_sync.sync.gc_tuning import RUN_OBJECTS, raise_gc_threshold
from cs_sync.write_back.fields import build_field_specs

BATCH_SIZE = 2_000


def derive_accounts_and_mrr(recorded: RunSession) -> None:
    """Resolve the accounts, and compute the MRR of every changed account."""
    workspace = recorded.workspace
    workspace.emit(Event("step_started", workspace.clock(), detail={"step": "accounts and MRR"}))
    recorded.transact(analyze_new_tables)  # the step asks about all of what was just read
    recorded.messages += keep_unlisted_customers(recorded)
    resolved = derive_accounts(recorded)
    computed = derive_mrr(recorded, get_mrr_policy(workspace))
    if without := _read_excluded(workspace, get_mrr_policy(workspace)):
        recorded.messages.append(describe_excluded(without))
        recorded.statuses.append("partial")
    recorded.messages += describe_open_questions(workspace)
    message = f"{count_noun(resolved, 'account')} resolved, MRR of {computed:,} computed"
    detail = {"step": "accounts and MRR", "message": message}
    workspace.emit(Event("step_ended", workspace.clock(), detail=detail))


@raise_gc_threshold(RUN_OBJECTS)
def derive_accounts(recorded: RunSession) -> int:
    """Resolve the accounts, unless no source and no rule changed.

    Returns:
        The number of resolved accounts.
    """
    workspace = recorded.workspace
    rules = workspace.config.identity.rules
    with workspace.store.read() as connection:
        since = _read_resolution_time(connection, rules)
        is_current = since is not None and not has_identity_changed(connection, since)
    if is_current and not workspace.plugins.has_matcher:
        return 0
    resolution, now = resolve_accounts(workspace), workspace.clock()
    left_out = list_own_fields(workspace)

    def save(connection: Connection) -> None:
        save_graph(connection, resolution, now, since, left_out)
        after = workspace.clock()
        cursor = f"{after.isoformat()} {rules.digest}"
        set_cursor(connection, DERIVED_SOURCE, ACCOUNTS_STREAM, cursor, recorded.id, after)

    recorded.transact(save)
    return len(resolution.accounts)


def _read_resolution_time(connection: Connection, rules: DomainRules) -> datetime | None:
    """Return the time of the last resolution by these rules."""
    at, _, digest = (read_derived_cursor(connection, ACCOUNTS_STREAM) or "").partition(" ")
    return datetime.fromisoformat(at) if digest == rules.digest else None


def list_own_fields(workspace: Workspace) -> frozenset[str]:
    """Return the names of the fields that we write ourselves.

    What they say is not evidence of the customer, and must not come back as such.
    """
    prefix = workspace.config.write_back.owned_prefix
    return frozenset(field.name for field in build_field_specs(prefix))


def resolve_accounts(workspace: Workspace) -> Resolution:
    """Resolve the accounts from the stored records, without storing the result."""
    with workspace.store.read() as connection:
        facts = read_identity_facts(connection, workspace.precedence)
        identities = read_known_identities(connection)
    facts, left_out = leave_out_attributes(facts, list_own_fields(workspace))
    if left_out:
        message = (
            f"left out of the accounts: {', '.join(left_out)}, which cs-sync writes itself; take "
            "them out of the connector's settings"
        )
        workspace.emit(Event("warning", workspace.clock(), detail={"message": message}))
    return resolve_identities(
        facts, identities, _match_with_plugins(workspace), workspace.config.identity.rules
    )


def update_mrr(workspace: Workspace, names: Sequence[str] = ()) -> None:
    """Compute the MRR under policies where no sync has done so.

    Syncs keep it up to date under the configured policy only.

    Args:
        workspace: The workspace.
        names: The policies by name; the configured one by default.

    Raises:
        ConfigError: A policy is unknown.
    """
    own = get_mrr_policy(workspace)
    for policy in [get_mrr_policy(workspace, name) for name in dict.fromkeys(names)] or [own]:
        with workspace.store.read() as connection:
            since = read_mrr_known_at(connection, policy.hash)
            behind = since is None or (
                policy != own and bool(read_stale_accounts(connection, since))
            )
        if behind:
            with record_run(workspace, "metrics") as recorded:
                derive_mrr(recorded, policy)
        if without := _read_excluded(workspace, policy):
            detail = {"message": describe_excluded(without)}
            workspace.emit(Event("warning", workspace.clock(), detail=detail))


def _read_excluded(workspace: Workspace, policy: MrrPolicy) -> dict[str, str]:
    with workspace.store.read() as connection:
        return read_excluded(connection, get_mrr_stream(policy.hash))


@raise_gc_threshold(RUN_OBJECTS)
def derive_mrr(recorded: RunSession, policy: MrrPolicy) -> int:
    """Bring one policy's MRR up to date.

    The lease excludes other writers, so later changes are later than `now`.

    Returns:
        The number of computed accounts.
    """
    store, stream, now = (
        recorded.workspace.store,
        get_mrr_stream(policy.hash),
        recorded.workspace.clock(),
    )
    recorded.transact(analyze_new_tables)
    with store.read() as connection:
        since = read_mrr_known_at(connection, policy.hash)
        touched = read_stale_accounts(connection, since)
        touched = list(dict.fromkeys((*touched, *read_excluded(connection, stream))))
    for start in range(0, len(touched), BATCH_SIZE):
        chunk = touched[start : start + BATCH_SIZE]
        with store.read() as connection:
            mrr, without = compute_mrr(connection, chunk, policy)

        def save(
            connection: Connection,
            mrr: Mapping[str, MrrRows] = mrr,
            without: Mapping[str, str] = without,
        ) -> None:
            save_excluded(connection, stream, mrr, without, recorded.id, now)
            save_mrr(connection, mrr, policy.hash, now)
            if policy == get_mrr_policy(recorded.workspace) and not has_source_plan(connection):
                plans = {
                    account: list_plan_periods(computed.spans) for account, computed in mrr.items()
                }
                save_plans(connection, plans, now)

        recorded.transact(save)

    def finish(connection: Connection) -> None:
        set_cursor(connection, DERIVED_SOURCE, stream, now.isoformat(), recorded.id, now)
        analyze_new_tables(connection)

    recorded.transact(finish)
    return len(touched)


def _match_with_plugins(workspace: Workspace) -> dict[RecordRef, str]:
    """Map record → account by the `cs_sync_match` plugins.

    Empty without such a plugin.
    """
    if not workspace.plugins.has_matcher:
        return {}
    from cs_sync.store.queries.source_accounts import read_source_accounts

    with workspace.store.read() as connection:
        records = read_source_accounts(connection)
    matches = {RecordRef(r.source, r.source_id): workspace.plugins.match(r) for r in records}
    return {ref: account for ref, account in matches.items() if account}
