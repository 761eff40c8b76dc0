"""What accepted models expect of accounts, in figures and in words."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from msgspec import Struct, field

from cs_sync.i18n import Translator

USUAL, SURE = 0.35, 0.95
"""From the first on a chance is given in tenths, from the second on in hundredths."""
MAX_ODDS = 1000
LIKELY_TIMES = 2
"""So many times the average chance of leaving is a reason to look at an account."""


class AlikeAccounts(Struct, frozen=True):
    """Accounts of like probability in the walk-forward, and what became of them."""

    high: float
    """The highest probability among them."""
    observations: int
    """Month ends of these accounts."""
    accounts: int
    rate: float
    """Share of the observations that ended in leaving."""


class Forecast(Struct, frozen=True):
    """What the accepted models expect; empty while there is none."""

    chances: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Account id → target → probability."""
    churn_from: date | None = None
    """The first day of leaving that the churn probability counts."""
    churn_until: date | None = None
    """The last one."""
    alike: Sequence[AlikeAccounts] = ()
    """What became of accounts by their churn probability, lowest first."""

    @property
    def is_churn_known(self) -> bool:
        """Whether an accepted model gives churn probabilities."""
        return self.churn_from is not None

    def get_churn_probability(self, account: str) -> float | None:
        """Return an account's churn probability; None while no accepted model fits."""
        return self.chances.get(account, {}).get("churn")

    def find_alike(self, account: str) -> AlikeAccounts | None:
        """Find the accounts of the walk-forward with a probability like this account's."""
        churn = self.get_churn_probability(account)
        if churn is None or not self.alike:
            return None
        return next((group for group in self.alike if churn <= group.high), self.alike[-1])

    def is_likely_to_leave(self, account: str) -> bool:
        """Return whether an account's chance of leaving is well above the average."""
        churn = self.get_churn_probability(account)
        seen = sum(group.observations for group in self.alike)
        left = sum(group.observations * group.rate for group in self.alike)
        return churn is not None and seen > 0 and churn >= LIKELY_TIMES * left / seen

    def row(self, account: str) -> dict[str, Any]:
        """Return an account's probabilities, their days, and others' outcomes.

        The others are like it.
        """
        churn, alike = self.get_churn_probability(account), self.find_alike(account)
        return {
            "churn_probability": churn,
            "churn_from": None if churn is None else self.churn_from,
            "churn_until": None if churn is None else self.churn_until,
            "churn_alike_rate": alike and alike.rate,
            "churn_alike_n": alike and alike.accounts,
            "expand_probability": self.chances.get(account, {}).get("expansion"),
        }


def convert_to_odds(probability: float) -> tuple[int, int]:
    """Convert a probability to few in many: 0.57 to 6 in 10.

    1 in 1,000 at least.
    """
    if probability < 1 / MAX_ODDS:
        return 1, MAX_ODDS
    if probability < USUAL:
        return 1, round(1 / probability)
    if probability < SURE:
        return round(probability * 10), 10
    return min(round(probability * 100), 99), 100


def describe_chance(row: Mapping[str, Any], words: Translator) -> str:
    """Describe the chance of leaving, and what became of accounts like it.

    Args:
        row: The fields of `Forecast.row`.
        words: The translator.

    Returns:
        An empty text while no model is accepted.
    """
    if row.get("churn_probability") is None:
        return ""
    few, many = convert_to_odds(row["churn_probability"])
    chance = words(
        "outlook.chance",
        few,
        many=words.number(many),
        days=words.number((row["churn_until"] - row["churn_from"]).days + 1),
        first=words.full_date(row["churn_from"]),
    )
    if row["churn_alike_n"] is None:
        return chance
    share, accounts = words.percent(row["churn_alike_rate"]), words.number(row["churn_alike_n"])
    return words("outlook.alike", chance=chance, share=share, accounts=accounts)
