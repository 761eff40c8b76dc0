"""The conformance suite of connectors that read."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from cs_sync.testing.cases.bad_answers import BadResponseCases
from cs_sync.testing.cases.changes import ChangeCases
from cs_sync.testing.cases.first_read import FirstReadCases, stop_unless_sound
from cs_sync.testing.cases.incomplete import IncompleteReadCases
from cs_sync.testing.cases.interruptions import InterruptionCases
from cs_sync.testing.cases.money import MoneyCases
from cs_sync.testing.cases.no_answers import UselessResponseCases
from cs_sync.testing.cases.odd_values import OddValueCases
from cs_sync.testing.cases.permissions import PermissionCases
from cs_sync.testing.cases.reading import ReadingCases
from cs_sync.testing.cases.secrets import SecretCases
from cs_sync.testing.cases.texts import TextCases
from cs_sync.testing.syncing import SyncHarness
from cs_sync.testing.vendor import VendorFake


class SourceConformance(  # pytest runs the cases of the last base first
    SecretCases,
    OddValueCases,
    MoneyCases,
    TextCases,
    PermissionCases,
    ChangeCases,
    IncompleteReadCases,
    UselessResponseCases,
    BadResponseCases,
    InterruptionCases,
    ReadingCases,
    FirstReadCases,
):
    """All cases for a connector that reads: subclass it and set the fake vendor.

    Unless the first read is sound no other case says anything, and none is run.
    """

    vendor: ClassVar[type[VendorFake]]

    @pytest.fixture
    def bench(self, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SyncHarness]:
        """Provide a bench with an empty database.

        The vendor is as it is at the start.
        """
        stop_unless_sound(self.vendor, request.function.__name__)
        made = SyncHarness(self.vendor, tmp_path)
        yield made
        made.close()
