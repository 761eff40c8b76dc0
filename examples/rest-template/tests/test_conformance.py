"""Marble's connector keeps every promise that the host relies on."""

from cs_sync.testing import SourceConformance
from cs_sync_marble.in_memory import MarbleVendor


class TestMarble(SourceConformance):
    """The whole kit, in three lines."""

    vendor = MarbleVendor
