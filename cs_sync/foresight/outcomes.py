"""Outcomes of all accounts of a month end at once: `classify_outcome` for columns."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from cs_sync.foresight.panel import OUTCOME_CODES, Flags, Ints

UNKNOWN = -1


class Departures(Struct, frozen=True):
    """Times that accounts left, as ever known, in order of time; instants in microseconds."""

    account: Ints
    at: Ints
    involuntary: Flags
    known_from: Ints
    known_to: Ints

    def find_first(self, size: int, within: tuple[int, int], known_at: int) -> Ints:
        """Return each account's first departure, or `UNKNOWN`.

        Args:
            size: The number of accounts.
            within: After the first instant, up to the second one.
            known_at: The time of knowledge.
        """
        known = (self.known_from <= known_at) & (self.known_to > known_at)
        rows = np.flatnonzero(known & (self.at > within[0]) & (self.at <= within[1]))[::-1]
        first = np.full(size, UNKNOWN)
        first[self.account[rows]] = rows
        return first


class HorizonMrr(Struct, frozen=True):
    """MRR by account and currency when a horizon opens and when it closes."""

    before: Ints
    after: Ints


def classify_outcomes(
    departures: Departures, first: Ints, opens_at: int, mrr: HorizonMrr
) -> NDArray[np.int8]:
    """Classify what became of each account in its horizon.

    Args:
        departures: All departures.
        first: Each account's first one since the cutoff.
        opens_at: When the horizon opens: who left up to then is not judged.
        mrr: What each paid.

    Returns:
        Codes of `OUTCOME_CODES`; `UNKNOWN` for who is not judged, or has no MRR to compare.
    """
    change = mrr.after - mrr.before
    less, more = (change < 0).any(axis=1), (change > 0).any(axis=1)
    outcome = np.full(len(first), UNKNOWN, np.int8)
    paid = mrr.before.any(axis=1) & mrr.after.any(axis=1)
    outcome[paid] = OUTCOME_CODES["stayed"]
    outcome[paid & less & ~more] = OUTCOME_CODES["contracted"]
    outcome[paid & more & ~less] = OUTCOME_CODES["expanded"]
    left = np.flatnonzero(first != UNKNOWN)
    row = first[left]
    forced = departures.involuntary[row]
    outcome[left] = np.where(forced, OUTCOME_CODES["involuntary"], OUTCOME_CODES["voluntary"])
    outcome[left[departures.at[row] <= opens_at]] = UNKNOWN
    return outcome
