"""The conformance suite of connectors that read."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from cs_sync.testing.cases.bad_answers import BadResponseCases
from cs_sync.testing.cases.changes import ChangeCases
from cs_sync.testing.cases.interruptions import InterruptionCases
from cs_sync.testing.cases.no_answers import UselessResponseCases
from cs_sync.testing.cases.odd_values import OddValueCases
from cs_sync.testing.cases.permissions import PermissionCases
from cs_sync.testing.cases.reading import ReadingCases
from cs_sync.testing.cases.secrets import SecretCases
from cs_sync.testing.cases.texts import TextCases
from cs_sync.testing.syncing import SyncHarness
from cs_sync.testing.vendor import VendorFake


class SourceConformance(
    ReadingCases,
    InterruptionCases,
    BadResponseCases,
    UselessResponseCases,
    ChangeCases,
    PermissionCases,
    TextCases,
    OddValueCases,
    SecretCases,
):
    """All cases for a connector that reads: subclass it and set the fake vendor."""

    vendor: ClassVar[type[VendorFake]]

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[SyncHarness]:
        """Provide a bench with an empty database.

        The vendor is as it is at the start.
        """
        made = SyncHarness(self.vendor, tmp_path)
        yield made
        made.close()
