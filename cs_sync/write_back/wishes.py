"""What should be in the CRM: a portrait of every account, and every follow-up; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cs_sync.contracts.destination import Addresses, Object
from cs_sync.follow_ups import COMPANY
from cs_sync.write_back.fields import Portrait, field_values
from cs_sync.write_back.plan import CLOSED, Entry, Wish

Remote = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Crm:
    """What is known of the destination: its records of our accounts, its active owners.

    `emails` has the owners' ids by e-mail address, in lower case.

    One that addresses accounts by our own id has no such records and needs none.
    """

    name: str
    accounts: Mapping[str, Remote] = field(default_factory=dict)
    owners: frozenset[str] = frozenset()
    emails: Mapping[str, str] = field(default_factory=dict)
    addresses: Addresses = "records"
    names: Mapping[str, str] = field(default_factory=dict)
    """Account id → its name, for messages."""

    def record_of(self, account: str) -> tuple[str | None, str | None]:
        """(remote id, why there is none)."""
        if account == COMPANY:
            return None, None
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

    def owner_of(self, row: Mapping[str, Any]) -> str | None:
        """The owner here who gets a follow-up; None when it is nobody that is known here."""
        if row["assignee"]:
            return self.emails.get(row["assignee"])
        ours = row["owner_source"] == self.name and row["owner_source_id"] in self.owners
        return row["owner_source_id"] if ours else None


def account_wishes(portraits: Mapping[str, Portrait], crm: Crm, prefix: str) -> Iterable[Wish]:
    """One wish per account, in the order given."""
    for account, portrait in portraits.items():
        remote_id, refusal = crm.record_of(account)
        values = field_values(portrait, prefix)
        yield Wish(
            "account",
            account,
            account,
            values,
            remote_id=remote_id,
            refusal=refusal,
            name=crm.names.get(account, ""),
        )


def follow_up_wishes(
    rows: Iterable[Mapping[str, Any]], crm: Crm, ledger: Mapping[tuple[Object, str], Entry]
) -> Iterable[Wish]:
    """What follow-ups (rows of `follow_up`) need, in the order given.

    One that is open should exist, with notes of what became known since; one that has become
    needless should be closed, if it was ever written.
    """
    for row in rows:
        written = ledger.get(("follow_up", row["key"]))
        there = written.remote_id if written else None
        if row["state"] == "open":
            yield _to_do(row, crm)
        elif row["state"] == "resolved" and there:
            account_remote_id, _ = crm.record_of(row["account_id"])
            yield Wish(
                "follow_up",
                row["key"],
                row["account_id"],
                {"status": CLOSED},
                remote_id=there,
                account_remote_id=account_remote_id,
                name=crm.names.get(row["account_id"], ""),
            )
        if there and row["state"] in ("open", "resolved") and row["account_id"] != COMPANY:
            yield from _notes(row, crm)


def _to_do(row: Mapping[str, Any], crm: Crm) -> Wish:
    remote_id, refusal = crm.record_of(row["account_id"])
    fields = {name: row[name] for name in ("title", "body", "due_at", "priority", "kind")}
    return Wish(
        "follow_up",
        row["key"],
        row["account_id"],
        fields,
        account_remote_id=remote_id,
        owner_remote_id=crm.owner_of(row),
        refusal=refusal,
        name=crm.names.get(row["account_id"], ""),
    )


def _notes(row: Mapping[str, Any], crm: Crm) -> Iterable[Wish]:
    """One note for each fact that became known after the follow-up was first put on record."""
    remote_id, refusal = crm.record_of(row["account_id"])
    for fact in row["evidence"]:
        if "since" in fact:
            told = {"title": row["title"], "body": fact["text"], "at": fact["since"]}
            yield Wish(
                "note",
                note_key(row["key"], fact),
                row["account_id"],
                told,
                account_remote_id=remote_id,
                refusal=refusal,
                name=crm.names.get(row["account_id"], ""),
            )


def note_key(follow_up: str, fact: Mapping[str, Any]) -> str:
    """What names the note of a follow-up (by its key) about one fact."""
    return sha256(f"{follow_up}|{fact['id']}".encode()).hexdigest()[:32]
