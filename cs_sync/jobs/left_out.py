"""Accounts whose MRR cannot be computed: the others go on without them, and every run says so.

They are kept as rejected, keep the MRR that was last known, and are tried again each time.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection

from cs_sync.contracts.source import Rejection
from cs_sync.metrics.mrr.facts import BillingFacts
from cs_sync.metrics.mrr.movements import AccountMrr, account_mrr
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.store.rejects import forget_rejects, keep_rejects, read_rejected
from cs_sync_schemas import Account, Record
from cs_sync_schemas.money import MOST_MINOR_UNITS

SHOWN = 3
IMPOSSIBLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What facts that contradict themselves, or are beyond every range, can raise anywhere."""
_SOURCE, _RECORD = "cs-sync", cast(type[Record], Account)


def compute(
    facts: Iterable[BillingFacts], policy: MrrPolicy
) -> tuple[dict[str, AccountMrr], dict[str, str]]:
    """MRR by account, and for those without one the reason."""
    mrr: dict[str, AccountMrr] = {}
    reasons: dict[str, str] = {}
    for one in facts:
        try:
            found = account_mrr(one, policy)
        except IMPOSSIBLE as error:
            reasons[one.account_id] = f"MRR cannot be computed: {type(error).__name__}: {error}"
            continue
        if reason := _beyond(found):
            reasons[one.account_id] = reason
        else:
            mrr[one.account_id] = found
    return mrr, reasons


def _beyond(mrr: AccountMrr) -> str:
    """Why an MRR cannot be stored: sums over all accounts have to stay in 64 bits."""
    for span in mrr.spans:
        if abs(span.amount) > MOST_MINOR_UNITS:
            most = max(span.parts, key=lambda part: abs(part.amount))
            return (
                f"MRR of {span.amount} {span.currency} minor units is beyond {MOST_MINOR_UNITS}; "
                f"most of it is item {most.source}:{most.item} (quantity {most.quantity:f})"
            )
    return ""


def keep(
    connection: Connection,
    stream: str,
    computed: Iterable[str],
    reasons: Mapping[str, str],
    run_id: str,
    now: datetime,
) -> None:
    """Remember who is left out of a policy's MRR, and forget who no longer is."""
    forget_rejects(connection, _SOURCE, _RECORD, computed)
    rejections = [Rejection(_RECORD, id_, "mrr", reason) for id_, reason in reasons.items()]
    keep_rejects(connection, _SOURCE, stream, rejections, run_id, now)


def left_out(connection: Connection, stream: str) -> dict[str, str]:
    """Account id → why it is left out of a policy's MRR."""
    return read_rejected(connection, _SOURCE, stream)


def told(reasons: Mapping[str, Any]) -> str:
    """One sentence about those who are left out."""
    some = "; ".join(f"{id_}: {reason}" for id_, reason in sorted(reasons.items())[:SHOWN])
    more = f"; and {len(reasons) - SHOWN} more" if len(reasons) > SHOWN else ""
    accounts = "1 account has" if len(reasons) == 1 else f"{len(reasons)} accounts have"
    return f"{accounts} no current MRR ({some}{more}); see `cs-sync rejects list`"
