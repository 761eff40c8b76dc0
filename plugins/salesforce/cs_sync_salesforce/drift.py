"""Drift of accounts since our last write: edits, merges, deletions."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from cs_sync import Op, RemoteAccount, Value, map_side_by_side
from cs_sync_salesforce.client import SalesforceClient
from cs_sync_salesforce.config import LANES
from cs_sync_salesforce.soql import build_query, list_values, split_values
from cs_sync_salesforce.values import format_value, is_same_value, name_field

Json = dict[str, Any]
MAX_MERGES = 10
"""Merges of merged accounts that are followed."""


def read_accounts(
    client: SalesforceClient, ops: Sequence[Op], lengths: Mapping[str, int]
) -> Iterator[RemoteAccount]:
    """Yield each existing account with its differences; merged ones as their survivor.

    Args:
        client: The client.
        ops: The operations whose fields are expected.
        lengths: Field → length of its text.
    """
    names = sorted({name for op in ops for name in op.fields})
    shown = [name_field(name) for name in names if name_field(name) in lengths]
    accounts = _read_survivors(client, [op.remote_id for op in ops if op.remote_id], shown)
    for op in ops:
        account = accounts.get(op.remote_id or "")
        if account is not None:
            differences = dict(_find_differences(op.fields, account, lengths))
            yield RemoteAccount(op.key, str(account["Id"]), differences)


def _read_survivors(
    client: SalesforceClient, ids: Sequence[str], names: Sequence[str]
) -> dict[str, Json]:
    """Map ids to the accounts that they live on in."""
    read: dict[str, Json] = {}
    wanted = list(dict.fromkeys(ids))
    for _ in range(MAX_MERGES):
        if not wanted:
            break
        parts = [*split_values(wanted)]
        for account in map_side_by_side(partial(_select, client, names), parts, LANES):
            read[str(account["Id"])] = account
        masters = {str(a["MasterRecordId"]) for a in read.values() if a["MasterRecordId"]}
        wanted = sorted(masters - read.keys())
    return {id_: live for id_ in ids if (live := _follow(read, id_)) is not None}


def _select(client: SalesforceClient, names: Sequence[str], ids: Sequence[str]) -> Iterator[Json]:
    columns = ("Id", "IsDeleted", "MasterRecordId", *names)
    query = build_query(columns, "Account", f"Id IN {list_values(ids)}", order="Id")
    return client.query_to_end(query, everything=True)


def _follow(read: Mapping[str, Json], id_: str) -> Json | None:
    account = read.get(id_)
    for _ in range(MAX_MERGES):
        if account is None or not account["IsDeleted"]:
            return account
        account = read.get(str(account["MasterRecordId"]))
    return None


def _find_differences(
    expected: Mapping[str, Value], account: Json, lengths: Mapping[str, int]
) -> Iterator[tuple[str, Value]]:
    for name, value in expected.items():
        field = name_field(name)
        if field in account and not is_same_value(
            format_value(value, lengths.get(field)), account[field]
        ):
            yield name, account[field]
