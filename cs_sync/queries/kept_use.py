"""Days of use of each account, kept from day to day: they follow from records alone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from msgspec import Struct

from cs_sync.health import build_day_scope
from cs_sync.health.signals.use_history import AccountUse
from cs_sync.queries.account_batches import AccountBatch
from cs_sync.queries.kept_results import Refreshed, hash_parts, keep_results, refresh_results
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.fast.kept_results import KeptUpdate
from cs_sync.store.fast.packed_json import HeadedJson
from cs_sync.store.queries.health import read_all_use
from cs_sync.store.queries.people import read_homes


class UseHead(Struct, frozen=True, array_like=True):
    """Who used an account: it is read without their days."""

    people: tuple[str, ...]


_NO_USE = AccountUse((), (), (), {})
FORM = HeadedJson[AccountUse, UseHead](AccountUse, UseHead, lambda use: UseHead((*use.people,)))
KIND = ("use", FORM)


class KeptUse:
    """The use of all accounts, brought up to date when it is first asked for.

    Of a few accounts the statements are faster than to read what is kept of all.
    """

    def __init__(self, workspace: Workspace, accounts: Sequence[str]) -> None:
        """Take the ids of all accounts, in the order of the database."""
        self._workspace, self._accounts = workspace, accounts

    def list_uses(self, batch: AccountBatch) -> Iterator[tuple[str, AccountUse]] | None:
        """List the use of a batch's accounts; None of a few."""
        if batch.is_few:
            return None
        return self._read_uses(batch.ids)

    def list_uses_of_people(self, batch: AccountBatch) -> Iterator[AccountUse] | None:
        """List the use of a batch's people at any account.

        None of a few accounts.
        """
        if batch.is_few:
            return None
        wanted = dict.fromkeys(batch.ids)
        if len(batch.ids) < len(self._accounts):
            wanted |= dict.fromkeys(
                place for account in batch.ids for place in self._visited_accounts.get(account, ())
            )
        return (use for _, use in self._read_uses(wanted))

    def keep_new_use(self) -> None:
        """Keep what is new, between runs."""
        if "_refreshed_use" in self.__dict__:
            keep_results(self._workspace, self._refreshed_use)

    @property
    def update(self) -> KeptUpdate | None:
        """What a run is to keep; None: nobody asked."""
        return self._refreshed_use.update if "_refreshed_use" in self.__dict__ else None

    @cached_property
    def _refreshed_use(self) -> Refreshed[AccountUse]:
        workspace = self._workspace
        features = workspace.config.metrics.active_features
        scope = replace(build_day_scope(workspace.today), active_features=features)

        def compute_uses(batch: AccountBatch) -> dict[str, AccountUse]:
            with workspace.store.read() as connection:
                uses = dict(read_all_use(connection, replace(scope, accounts=batch.chosen)))
            return {account: uses.get(account, _NO_USE) for account in batch.ids}

        basis = hash_parts(["use", features])
        return refresh_results(workspace, KIND, basis, self._accounts, compute_uses)

    @cached_property
    def _visited_accounts(self) -> Mapping[str, set[str]]:
        """Account → others that its people used."""
        with self._workspace.store.read() as connection:
            homes = read_homes(connection)
        visited: dict[str, set[str]] = {}
        of_all = self._refreshed_use.results
        for account in self._accounts:
            for person in FORM.decode_head(of_all.get_written(account)).people:
                home = homes.get(person, account)
                if home != account:
                    visited.setdefault(home, set()).add(account)
        return visited

    def _read_uses(self, accounts: Iterable[str]) -> Iterator[tuple[str, AccountUse]]:
        """Read one by one: all days would take much memory."""
        of_all = self._refreshed_use.results
        return ((account, FORM.decode(of_all.get_written(account))) for account in accounts)
