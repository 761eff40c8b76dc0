"""What should be in the CRM: a portrait of every account, and every follow-up; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cs_sync.contracts.destination import Addresses
from cs_sync.write_back.fields import Portrait, field_values
from cs_sync.write_back.plan import Wish

Remote = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Crm:
    """What is known of the destination: its records of our accounts, its active owners.

    One that addresses accounts by our own id has no such records and needs none.
    """

    name: str
    accounts: Mapping[str, Remote] = field(default_factory=dict)
    owners: frozenset[str] = frozenset()
    addresses: Addresses = "records"

    def record_of(self, account: str) -> tuple[str | None, str | None]:
        """(remote id, why there is none)."""
        if self.addresses == "accounts":
            return account, None
        found = self.accounts.get(account, ())
        if len(found) == 1:
            return found[0][0], None
        if not found:
            return None, f"no record in {self.name} is this account"
        ids = ", ".join(remote_id for remote_id, _ in found)
        return (
            None,
            f"{len(found)} records in {self.name} are this account: {ids}; merge them there",
        )


def account_wishes(portraits: Mapping[str, Portrait], crm: Crm, prefix: str) -> Iterable[Wish]:
    """One wish per account, in the order given."""
    for account, portrait in portraits.items():
        remote_id, refusal = crm.record_of(account)
        values = field_values(portrait, prefix)
        yield Wish("account", account, account, values, remote_id=remote_id, refusal=refusal)


def follow_up_wishes(rows: Iterable[Mapping[str, Any]], crm: Crm) -> Iterable[Wish]:
    """One wish per follow-up (rows of `follow_up`), in the order given."""
    for row in rows:
        remote_id, refusal = crm.record_of(row["account_id"])
        ours = row["owner_source"] == crm.name and row["owner_source_id"] in crm.owners
        yield Wish(
            "follow_up",
            row["key"],
            row["account_id"],
            {
                "title": row["title"],
                "body": row["body"],
                "due_at": row["due_at"],
                "priority": row["priority"],
                "kind": row["kind"],
            },
            account_remote_id=remote_id,
            owner_remote_id=row["owner_source_id"] if ours else None,
            refusal=refusal,
        )
