"""Load of customer-success managers, and moves of accounts that would even it out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from cs_sync.foresight.comparisons import Counts, calculate_exact_p

UNOWNED = ""
"""The owner of accounts that have none, or one that is no longer active."""
MIN_JUDGED = 20
"""Outcomes of fewer accounts say nothing of how well an owner serves a segment."""
MIN_FAMILIAR = 5
"""Who looks after so many accounts of a language speaks it."""
SIGNIFICANT = 0.05
MoveReason = Literal["no_owner", "over_capacity", "language", "outcomes"]
Fit = Literal["language", "outcomes", "segment"]
Outcomes = Mapping[tuple[str, str], Counts]
"""(Owner, segment) → the accounts that paid a year ago, and those that left since."""


class OwnedAccount(Struct, frozen=True):
    """A customer as its owner sees it; money in minor units of one currency.

    `needs_call` is whether it pays and is on the watch list's conditions; segment and language
    may be empty.
    """

    account: str
    name: str
    owner: str
    mrr: int
    at_risk: int
    needs_call: bool
    segment: str = ""
    language: str = ""


class OwnerLoad(Struct, frozen=True):
    """The accounts of an owner, the money at risk, and how many calls the owner can make.

    Without an owner there is no capacity. `cost` is what one account costs a month; None
    where no cost is known.
    """

    owner: str
    accounts: int
    mrr: int
    calls: int
    at_risk: int
    capacity: int | None
    cost: int | None

    @property
    def load(self) -> float | None:
        """Accounts to call ÷ capacity; above 1 some get no call."""
        return self.calls / self.capacity if self.capacity else None


class Move(Struct, frozen=True):
    """A proposal to give an account to another owner, and what speaks for that one."""

    account: OwnedAccount
    to_owner: str
    reason: MoveReason
    fit: tuple[Fit, ...]


def list_owners(accounts: Iterable[OwnedAccount]) -> list[str]:
    """List who looks after at least one customer, by name."""
    return sorted({account.owner for account in accounts} - {UNOWNED})


def share_capacity(capacity: int, owners: Sequence[str]) -> int:
    """Return how many accounts each owner can call, at least 1."""
    return max(capacity // len(owners), 1) if owners else 0


def measure_load(
    accounts: Sequence[OwnedAccount], capacity: int, cost: int | None = None
) -> list[OwnerLoad]:
    """Measure the load of each owner, the heaviest first.

    Accounts without an owner come last.

    Args:
        accounts: The customers.
        capacity: How many accounts the whole team can call in a horizon.
        cost: What retention and service cost the team a month, in minor units.
    """
    owners = list_owners(accounts)
    each = share_capacity(capacity, owners)
    loads = []
    for owner in {*owners, *(account.owner for account in accounts)}:
        own = [account for account in accounts if account.owner == owner]
        calls = sum(account.needs_call for account in own)
        is_owned = owner != UNOWNED
        loads.append(
            OwnerLoad(
                owner,
                len(own),
                sum(account.mrr for account in own),
                calls,
                sum(account.at_risk for account in own if account.needs_call),
                each if is_owned else None,
                round(cost / len(owners) / len(own)) if cost is not None and is_owned else None,
            )
        )
    return sorted(loads, key=lambda load: (not load.owner, -load.calls, -load.at_risk, load.owner))


def propose_moves(
    accounts: Sequence[OwnedAccount], capacity: int, outcomes: Outcomes
) -> list[Move]:
    """Propose moves of accounts that need a call.

    Those with the most money at risk come first. An account moves if it has no owner, if its owner
    can call no more and has accounts with more at risk, if its owner has no other of its language,
    or if another owner keeps clearly more of its segment. It goes to who has room: language before
    outcomes before segment.

    Args:
        accounts: The customers.
        capacity: How many accounts the whole team can call in a horizon.
        outcomes: What became of last year's accounts.
    """
    desk = _Desk(accounts, capacity, outcomes)
    waiting = {account.account: reason for account, reason in desk.list_overflow()}
    moves = []
    for account in sorted(
        accounts,
        key=lambda candidate_account: (-candidate_account.at_risk, candidate_account.account),
    ):
        if not account.needs_call:
            continue
        reason = waiting.get(account.account)
        for candidate in desk.rank_candidates(account):
            fit = reason or desk.find_misfit(account, candidate)
            if fit:
                moves.append(Move(account, candidate, fit, desk.list_fit(account, candidate)))
                desk.move(account, candidate)
                break
    return moves


class _Desk:
    """Who has room for calls while accounts move."""

    def __init__(self, accounts: Sequence[OwnedAccount], capacity: int, outcomes: Outcomes) -> None:
        self._accounts, self._outcomes = accounts, outcomes
        self._owners = list_owners(accounts)
        self._each = share_capacity(capacity, self._owners)
        calls = Counter(account.owner for account in accounts if account.needs_call)
        self._room = {owner: self._each - calls[owner] for owner in self._owners}
        self._speaks = Counter((a.owner, a.language) for a in accounts if a.language)
        self._knows = Counter((a.owner, a.segment) for a in accounts if a.segment)

    def list_overflow(self) -> Iterator[tuple[OwnedAccount, MoveReason]]:
        """Yield accounts that no owner would get to.

        Those without an owner, and those beyond the owner's capacity.
        """
        for owner in [*self._owners, UNOWNED]:
            own = [a for a in self._accounts if a.owner == owner and a.needs_call]
            own.sort(key=lambda account: (-account.at_risk, account.account))
            kept = self._each if owner else 0
            for account in own[kept:]:
                yield account, "over_capacity" if owner else "no_owner"

    def rank_candidates(self, account: OwnedAccount) -> list[str]:
        """Return the other owners with room, the best fit first."""
        able = [o for o in self._owners if o != account.owner and self._room[o] > 0]
        return sorted(able, key=lambda owner: self._rank(account, owner))

    def _rank(self, account: OwnedAccount, owner: str) -> tuple[bool, float, int, int, str]:
        judged = self._outcomes.get((owner, account.segment), Counts(0, 0))
        kept = 1 - (judged.interval or (0.0, 1.0))[1] if judged.n >= MIN_JUDGED else 0.0
        familiar = self._knows[owner, account.segment]
        return (not self._speaks_it(account, owner), -kept, -familiar, -self._room[owner], owner)

    def _speaks_it(self, account: OwnedAccount, owner: str) -> bool:
        return self._speaks[owner, account.language] >= MIN_FAMILIAR

    def find_misfit(self, account: OwnedAccount, candidate: str) -> MoveReason | None:
        """Return why a candidate fits clearly better than the owner.

        None if not.
        """
        is_alone = account.language and self._speaks[account.owner, account.language] == 1
        if is_alone and self._speaks_it(account, candidate):
            return "language"
        return "outcomes" if self._keeps_more(account, candidate) else None

    def _keeps_more(self, account: OwnedAccount, candidate: str) -> bool:
        """Return whether a candidate kept more of the segment, beyond chance."""
        if not account.segment:
            return False
        own, other = (
            self._outcomes.get((owner, account.segment), Counts(0, 0))
            for owner in (account.owner, candidate)
        )
        if min(own.n, other.n) < MIN_JUDGED:
            return False
        p = calculate_exact_p(own, other)
        return (own.rate or 0.0) > (other.rate or 0.0) and p is not None and p < SIGNIFICANT

    def list_fit(self, account: OwnedAccount, owner: str) -> tuple[Fit, ...]:
        """Return what speaks for an owner."""
        fit: list[Fit] = []
        if account.language and self._speaks_it(account, owner):
            fit.append("language")
        if self._keeps_more(account, owner):
            fit.append("outcomes")
        if account.segment and self._knows[owner, account.segment] >= MIN_FAMILIAR:
            fit.append("segment")
        return tuple(fit)

    def move(self, account: OwnedAccount, owner: str) -> None:
        """Take the room that an account needs."""
        self._room[owner] -= 1
        if account.owner:
            self._room[account.owner] += 1
