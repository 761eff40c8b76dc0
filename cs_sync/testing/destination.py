"""The conformance suite of connectors that write."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from cs_sync.testing.cases.secrets import WritingSecretCases
from cs_sync.testing.cases.writing import WritingCases
from cs_sync.testing.pushing import PushHarness
from cs_sync.testing.vendor import CrmFake


class DestinationConformance(WritingCases, WritingSecretCases):
    """All cases for a connector that writes: subclass it and set the fake CRM."""

    crm: ClassVar[type[CrmFake]]

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[PushHarness]:
        """Provide a bench with an empty ledger and CRM.

        The CRM has our fields and nothing in them.
        """
        made = PushHarness(self.crm, tmp_path)
        yield made
        made.close()
