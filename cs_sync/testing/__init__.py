"""The conformance kit: every known semantic check of a connector in three lines of test.

    class TestPebble(SourceConformance):
        vendor = PebbleVendor

`PebbleVendor` is a small in-memory vendor (see `VendorFake`); the kit runs the real
sync on SQLite against it, over a connection with every kind of failure, and compares
the stored rows. Needs pytest: `pip install customer-success-sync[testing]`.
"""

from cs_sync.testing.asgi import make_asgi_answer
from cs_sync.testing.books import compute_mrr
from cs_sync.testing.destination import DestinationConformance
from cs_sync.testing.lists import ListVendorFake
from cs_sync.testing.pushing import PushHarness
from cs_sync.testing.source import SourceConformance
from cs_sync.testing.syncing import SyncHarness
from cs_sync.testing.vendor import CrmFake, VendorFake

__all__ = [
    "CrmFake",
    "DestinationConformance",
    "ListVendorFake",
    "PushHarness",
    "SourceConformance",
    "SyncHarness",
    "VendorFake",
    "compute_mrr",
    "make_asgi_answer",
]
