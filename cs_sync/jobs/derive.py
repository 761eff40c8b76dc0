"""From records to accounts and their MRR: for what the last sync touched, or for everything."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from cs_sync.contracts.events import Event
from cs_sync.identity import DomainRules, Ref, Resolution, resolve
from cs_sync.jobs.left_out import compute, keep, left_out, told
from cs_sync.jobs.questions import open_questions
from cs_sync.jobs.recording import Recorded, recorded_run
from cs_sync.jobs.unlisted import keep_unlisted
from cs_sync.jobs.workspace import Workspace
from cs_sync.metrics.mrr.movements import AccountMrr
from cs_sync.metrics.mrr.plans import plans_of
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.store.attributes import a_source_says_plans, save_plans
from cs_sync.store.billing import read_billing
from cs_sync.store.graph import changed_since, read_facts, read_known, save_graph
from cs_sync.store.leases import check_lease
from cs_sync.store.mrr import save_mrr
from cs_sync.store.states import CURSOR, set_cursor
from cs_sync.store.touched import touched_accounts
from cs_sync.sync.collecting import seldom_collecting
from cs_sync_schemas import StreamState, table_of

DERIVED = "cs-sync"
"""What is derived has a cursor of its own: how far the records have been taken into account."""
ACCOUNTS = "accounts"
AT_ONCE = 500

STATE = table_of(StreamState)


def policy_of(workspace: Workspace, name: str | None = None) -> MrrPolicy:
    """The MRR policy of the configuration, or a preset by name, in the reporting zone."""
    settings, zone = workspace.config.metrics, str(workspace.config.workspace.timezone)
    if name is None or name == settings.policy:
        span = settings.switch_within
        within = {} if span is None else {"switch_within_hours": span / timedelta(hours=1)}
        given = {"zone": zone, **within, **settings.policy_overrides}
        return MrrPolicy.preset(settings.policy, **given)
    return MrrPolicy.preset(name, zone=zone)


def derive(recorded: Recorded) -> None:
    """Resolve who is who, and compute the MRR of every account that was touched."""
    workspace = recorded.workspace
    workspace.emit(Event("step_started", workspace.clock(), detail={"step": "accounts and MRR"}))
    recorded.messages += keep_unlisted(recorded)
    resolved = derive_accounts(recorded)
    computed = derive_mrr(recorded, policy_of(workspace))
    if without := _without_mrr(workspace, policy_of(workspace)):
        recorded.messages.append(told(without))
        recorded.statuses.append("partial")
    recorded.messages += open_questions(workspace)
    message = f"{resolved} accounts resolved, MRR of {computed} computed"
    detail = {"step": "accounts and MRR", "message": message}
    workspace.emit(Event("step_ended", workspace.clock(), detail=detail))


def derive_accounts(recorded: Recorded) -> int:
    """Resolve who is who, unless nothing new was said about it; how many accounts were resolved."""
    workspace = recorded.workspace
    rules = workspace.config.identity.rules
    with workspace.store.read() as connection:
        if not workspace.plugins.has_matcher and _still_holds(connection, rules):
            return 0
    resolution, now = current_resolution(workspace), workspace.clock()

    def save(connection: Connection) -> None:
        check_lease(connection, recorded.held)
        save_graph(connection, resolution, now)
        after = workspace.clock()
        cursor = f"{after.isoformat()} {rules.digest}"
        set_cursor(connection, DERIVED, ACCOUNTS, cursor, recorded.id, after)

    workspace.store.transact(save)
    return len(resolution.accounts)


def _still_holds(connection: Connection, rules: DomainRules) -> bool:
    """True when neither a source nor the rules changed since who is who was resolved."""
    at, _, digest = (_cursor_text(connection, ACCOUNTS) or "").partition(" ")
    since = datetime.fromisoformat(at) if digest == rules.digest else None
    return since is not None and not changed_since(connection, since)


def current_resolution(workspace: Workspace) -> Resolution:
    """Who is who, by what is stored now; nothing is written."""
    with workspace.store.read() as connection:
        facts = read_facts(connection, workspace.config.connectors.types)
        known = read_known(connection)
    return resolve(facts, known, _overrides(workspace), workspace.config.identity.rules)


def ensure_mrr(workspace: Workspace, policy: MrrPolicy) -> None:
    """Compute the MRR under a policy for what no sync has computed it: syncs do under their own."""
    with workspace.store.read() as connection:
        since, own = _cursor(connection, _stream(policy)), policy == policy_of(workspace)
        behind = since is None or (not own and bool(touched_accounts(connection, since)))
    if behind:
        with recorded_run(workspace, "metrics") as recorded:
            derive_mrr(recorded, policy)
    if without := _without_mrr(workspace, policy):
        detail = {"message": told(without)}
        workspace.emit(Event("warning", workspace.clock(), detail=detail))


def _without_mrr(workspace: Workspace, policy: MrrPolicy) -> dict[str, str]:
    with workspace.store.read() as connection:
        return left_out(connection, _stream(policy))


@seldom_collecting()
def derive_mrr(recorded: Recorded, policy: MrrPolicy) -> int:
    """Bring one policy's MRR up to date; how many accounts were computed.

    The lease keeps other writers away, so what changes later is later than `now`.
    """
    store, stream, now = recorded.workspace.store, _stream(policy), recorded.workspace.clock()
    with store.read() as connection:
        since = _cursor(connection, stream)
        touched = touched_accounts(connection, since)
        touched = list(dict.fromkeys((*touched, *left_out(connection, stream))))
    for start in range(0, len(touched), AT_ONCE):
        some = touched[start : start + AT_ONCE]
        with store.read() as connection:
            mrr, without = compute(read_billing(connection, some), policy)

        def save(
            connection: Connection,
            mrr: Mapping[str, AccountMrr] = mrr,
            without: Mapping[str, str] = without,
        ) -> None:
            check_lease(connection, recorded.held)
            keep(connection, stream, mrr, without, recorded.id, now)
            save_mrr(connection, mrr, policy.hash, now)
            if policy == policy_of(recorded.workspace) and not a_source_says_plans(connection):
                plans = {account: plans_of(found.spans) for account, found in mrr.items()}
                save_plans(connection, plans, now)

        store.transact(save)
    cursor = (DERIVED, stream, now.isoformat(), recorded.id, now)
    store.transact(lambda connection: set_cursor(connection, *cursor))
    return len(touched)


def mrr_known_at(connection: Connection, policy: MrrPolicy) -> datetime | None:
    """Up to when the records are in a policy's MRR; None before it was computed."""
    return _cursor(connection, _stream(policy))


def _stream(policy: MrrPolicy) -> str:
    return f"mrr {policy.hash}"


def _cursor(connection: Connection, stream: str) -> datetime | None:
    cursor = _cursor_text(connection, stream)
    return None if cursor is None else datetime.fromisoformat(cursor)


def _cursor_text(connection: Connection, stream: str) -> str | None:
    statement = select(STATE.c.cursor).where(
        STATE.c.source == DERIVED, STATE.c.stream == stream, STATE.c.partition == CURSOR
    )
    return connection.scalar(statement)


def _overrides(workspace: Workspace) -> dict[Ref, str]:
    """What `cs_sync_match` plugins say; asked only when there is one."""
    if not workspace.plugins.has_matcher:
        return {}
    from cs_sync.store.matching import read_source_accounts

    with workspace.store.read() as connection:
        records = read_source_accounts(connection)
    found = {Ref(r.source, r.source_id): workspace.plugins.match(r) for r in records}
    return {ref: account for ref, account in found.items() if account}
