"""The conformance kit: three lines of test give a connector every semantic check we know.

    class TestPebble(SourceConformance):
        vendor = PebbleVendor

`PebbleVendor` is a small vendor in memory (see `VendorFake`); the kit runs the real sync on SQLite
against it, over a connection that fails in every way that real ones do, and compares what is
stored. Needs pytest: `pip install customer-success-sync[testing]`.
"""

from cs_sync.testing.asgi import asgi_answers
from cs_sync.testing.destination import DestinationConformance
from cs_sync.testing.pushing import PushBench
from cs_sync.testing.source import SourceConformance
from cs_sync.testing.syncing import SyncBench
from cs_sync.testing.vendor import CrmFake, VendorFake

__all__ = [
    "CrmFake",
    "DestinationConformance",
    "PushBench",
    "SourceConformance",
    "SyncBench",
    "VendorFake",
    "asgi_answers",
]
