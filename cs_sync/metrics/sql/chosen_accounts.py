"""The accounts of a statement: all, some by their ids, or those between two ids."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, true


class AccountRange(Struct, frozen=True):
    """The accounts from one id to another, both included, in the order of the database."""

    first: str
    last: str


ChosenAccounts = Sequence[str] | AccountRange
"""Account ids, or a range of them; an empty sequence means all."""


def is_chosen(account: ColumnElement[Any], accounts: ChosenAccounts) -> ColumnElement[bool]:
    """Return the condition for the id of a chosen account."""
    if isinstance(accounts, AccountRange):
        return account.between(accounts.first, accounts.last)
    return account.in_(accounts) if accounts else true()
