"""Somebody who uses up a credential's budget: `python -m tests.soak.budget_user DB VENDOR KEY`."""

import sys
import time
from functools import partial

from cs_sync.contracts.errors import CsSyncError
from cs_sync.http import VendorHttp, digest_credential
from cs_sync.http.shared_rate_limiter import SharedRateLimiter
from cs_sync.store.control.budgets import BudgetRows
from cs_sync.store.control.open import open_control
from cs_sync_pebble.source import PebbleSource


def use_budget(database: str, vendor: str, key: str) -> None:
    """Ask the vendor as often as the shared budget lets one, until killed."""
    rows = BudgetRows(open_control(database), digest_credential(PebbleSource.name, [key]))
    make_budget = partial(SharedRateLimiter, rows)
    with VendorHttp(PebbleSource.name, PebbleSource.limits, make_budget=make_budget) as http:
        client = http.at(vendor, headers={"Authorization": f"Bearer {key}"})
        while True:
            try:
                client.get("/v1/customers", {"limit": 1})
            except CsSyncError:  # the database is away, or the vendor says that it was too much
                time.sleep(1)


if __name__ == "__main__":
    use_budget(*sys.argv[1:])
