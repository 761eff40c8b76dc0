"""A desk at each of two portals: one keeps our keys unique, the other refuses that."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.write_back.desk import ACCOUNTS, Desk, HostileCrm, PlainCrm


@pytest.fixture(params=[HostileCrm, PlainCrm], ids=["unique", "plain"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path, request.param)
    yield made
    made.close()


@pytest.fixture
def calls(desk: Desk) -> list[str]:
    """A follow-up for every account; the keys."""
    return [desk.call(account, 0) for account in ACCOUNTS]
