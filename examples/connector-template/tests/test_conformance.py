"""Pebble's connector keeps every promise that the host relies on."""

from cs_sync.testing import SourceConformance
from cs_sync_pebble.in_memory import PebbleVendor


class TestPebble(SourceConformance):
    """The whole kit, in three lines."""

    vendor = PebbleVendor
