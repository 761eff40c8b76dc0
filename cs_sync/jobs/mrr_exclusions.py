"""Accounts without a computable MRR: excluded, and reported by every run.

They are stored as rejects, keep their last known MRR, and are retried by each run.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection

from cs_sync.contracts.errors import COMPUTATION_ERRORS
from cs_sync.contracts.source import Rejection
from cs_sync.metrics.mrr.facts import PlainVersion
from cs_sync.metrics.mrr.movements import calculate_account_mrr
from cs_sync.metrics.mrr.plain import calculate_plain_rows, is_plain_policy
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.mrr.rows import MrrRows, build_rows
from cs_sync.store.queries.billing import read_billing_facts
from cs_sync.store.queries.plain_billing import read_plain_versions
from cs_sync.store.records.rejects import delete_resolved_rejects, read_reject_reasons, save_rejects
from cs_sync_schemas.money import MAX_MINOR_UNITS
from cs_sync_schemas.tables import ACCOUNT

MAX_NAMED_ACCOUNTS = 3
_SOURCE = "cs-sync"


def compute_mrr(
    connection: Connection, accounts: Sequence[str], policy: MrrPolicy
) -> tuple[dict[str, MrrRows], dict[str, str]]:
    """Compute the MRR of accounts.

    Plain ones are computed with integers, others exactly. The rows are as they are stored.

    Args:
        connection: A read connection.
        accounts: Account ids.
        policy: The MRR policy.

    Returns:
        Account id → MRR, and account id → reason for accounts without one.
    """
    mrr = _compute_plain_mrr(connection, accounts, policy)
    reasons: dict[str, str] = {}
    others = [account for account in accounts if account not in mrr]
    for account_facts in read_billing_facts(connection, others):
        try:
            computed = build_rows(calculate_account_mrr(account_facts, policy))
        except COMPUTATION_ERRORS as error:
            reasons[account_facts.account_id] = (
                f"MRR cannot be computed: {type(error).__name__}: {error}"
            )
            continue
        if reason := _describe_overflow(computed):
            reasons[account_facts.account_id] = reason
        else:
            mrr[account_facts.account_id] = computed
    return mrr, reasons


def _compute_plain_mrr(
    connection: Connection, accounts: Sequence[str], policy: MrrPolicy
) -> dict[str, MrrRows]:
    """Compute the MRR of plain accounts within every range."""
    if not is_plain_policy(policy):
        return {}
    computed = {
        account: _calculate_if_plain(versions, policy)
        for account, versions in read_plain_versions(connection, accounts).items()
    }
    return {
        account: mrr
        for account, mrr in computed.items()
        if mrr is not None and not _describe_overflow(mrr)
    }


def _calculate_if_plain(versions: Sequence[PlainVersion], policy: MrrPolicy) -> MrrRows | None:
    try:
        return calculate_plain_rows(versions, policy)
    except COMPUTATION_ERRORS:  # the exact path says what is wrong
        return None


def _describe_overflow(mrr: MrrRows) -> str:
    """Describe why an MRR cannot be stored.

    Sums must fit into 64 bits.
    """
    for currency, _, _, amount, parts, _ in mrr.spans:
        if abs(amount) > MAX_MINOR_UNITS:
            source, _, item, _, _, quantity, _ = max(parts, key=lambda part: abs(part[-1]))
            return (
                f"MRR of {amount} {currency} minor units is beyond {MAX_MINOR_UNITS}; "
                f"most of it is item {source}:{item} (quantity {quantity:f})"
            )
    return ""


def save_excluded(
    connection: Connection,
    stream: str,
    computed: Iterable[str],
    reasons: Mapping[str, str],
    run_id: str,
    now: datetime,
) -> None:
    """Store the accounts excluded from MRR, and clear the computed ones.

    Args:
        connection: A database connection.
        stream: The name of the policy's stream.
        computed: The accounts with an MRR.
        reasons: Account id → reason of its exclusion.
        run_id: The current run.
        now: The current time.
    """
    delete_resolved_rejects(connection, _SOURCE, str(ACCOUNT.name), computed)
    if not reasons:
        return
    from cs_sync_schemas import Account, Record  # models take a while, and most have a MRR

    record = cast(type[Record], Account)
    rejections = [Rejection(record, id_, "mrr", reason) for id_, reason in reasons.items()]
    save_rejects(connection, _SOURCE, stream, rejections, run_id, now)


def read_excluded(connection: Connection, stream: str) -> dict[str, str]:
    """Read account id → reason of its exclusion from a policy's MRR."""
    return read_reject_reasons(connection, _SOURCE, stream)


def describe_excluded(reasons: Mapping[str, Any]) -> str:
    """Describe the excluded accounts in one sentence."""
    examples = "; ".join(
        f"{id_}: {reason}" for id_, reason in sorted(reasons.items())[:MAX_NAMED_ACCOUNTS]
    )
    more = (
        f"; and {len(reasons) - MAX_NAMED_ACCOUNTS} more"
        if len(reasons) > MAX_NAMED_ACCOUNTS
        else ""
    )
    accounts = "1 account has" if len(reasons) == 1 else f"{len(reasons)} accounts have"
    return f"{accounts} no current MRR ({examples}{more}); see `cs-sync rejects list`"
