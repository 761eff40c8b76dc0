"""Accounts in batches, so that memory does not grow with their number."""

from collections.abc import Collection, Iterator, Sequence

from msgspec import Struct

from cs_sync.metrics.sql.chosen_accounts import AccountRange, ChosenAccounts

BATCH_SIZE = 5_000
"""Accounts whose facts and results are in memory as objects at once."""


class AccountBatch(Struct, frozen=True):
    """Some accounts, and how a statement names them."""

    ids: Sequence[str]
    chosen: ChosenAccounts = ()
    """All, a range, or the ids: a statement with many ids takes long to compile."""

    @property
    def is_few(self) -> bool:
        """Whether the accounts are named one by one."""
        return not isinstance(self.chosen, AccountRange) and bool(self.chosen)


def split_wanted(ids: Sequence[str], wanted: Collection[str]) -> Iterator[AccountBatch]:
    """Split the wanted accounts into batches.

    Few are one batch, and a range of which most are wanted is taken whole.

    Args:
        ids: The ids of all accounts, in the order of the database.
        wanted: The ids of some of them.
    """
    few = [account for account in ids if account in wanted]
    if 2 * len(few) <= min(len(ids), BATCH_SIZE):
        if few:
            yield AccountBatch(few, few)
        return
    for batch in split_accounts(ids):
        own = [account for account in batch.ids if account in wanted]
        if own:
            yield batch if 2 * len(own) > len(batch.ids) else AccountBatch(own, own)


def split_accounts(ids: Sequence[str]) -> Iterator[AccountBatch]:
    """Split accounts into ranges of ids; one batch of all names none.

    Args:
        ids: The ids of all accounts, in the order of the database.
    """
    if len(ids) <= BATCH_SIZE:
        yield AccountBatch(ids)
        return
    for start in range(0, len(ids), BATCH_SIZE):
        of_batch = ids[start : start + BATCH_SIZE]
        yield AccountBatch(of_batch, AccountRange(of_batch[0], of_batch[-1]))
