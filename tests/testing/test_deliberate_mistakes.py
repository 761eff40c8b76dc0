"""Mistakes of a connector's author, each on purpose, and what the kit says to each.

`docs/kit.md` has the table: what stands there is what is said here.
"""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest

from cs_sync import (
    ConnectorConfig,
    CsSyncError,
    Http,
    Limit,
    Page,
    PermissionMissing,
    Row,
    Stream,
    Throttled,
    Unreachable,
)
from cs_sync.testing import SourceConformance, SyncHarness, VendorFake
from cs_sync.testing.cases.first_read import FIRST_CASE
from cs_sync_pebble.in_memory import PebbleVendor
from cs_sync_pebble.source import PebbleConfig, PebbleSource
from cs_sync_schemas import SurveyResponse, Ticket
from tests.testing.vendors import CoinSource, CoinVendor, RatedSource, RatedVendor

PAGE = Path(__file__).parents[2] / "docs" / "kit.md"


class SweptSource(PebbleSource):
    """Reads the whole list every time; what it no longer shows is deleted."""

    caught: ClassVar[tuple[type[CsSyncError], ...]] = ()
    instead: ClassVar[Page | None] = None

    def streams(self) -> Sequence[Stream]:
        return [
            replace(stream, cursor="none", deletes="sweep", extra=())
            for stream in super().streams()
        ]

    def _read(self, *facts: Any) -> Iterator[Page]:
        try:
            for page in super()._read(*facts):
                kept = {kind: rows for kind, rows in page.records.items() if kind is facts[1]}
                yield replace(page, records=kept)
        except self.caught:
            if self.instead is not None:
                yield self.instead


class SwallowsTheQuota(SweptSource):
    """`except Throttled: return` in a swept list"""

    caught = (Throttled,)


class SwallowsAnOutage(SweptSource):
    """`except Unreachable: return` in a swept list"""

    caught = (Unreachable,)


class SwallowsBoth(SweptSource):
    """`except (Throttled, Unreachable): return` in a swept list"""

    caught = (Throttled, Unreachable)


class ShowsAnEmptyPage(SweptSource):
    """`except Throttled: yield Page({})`: an exhausted quota that ends `ok`"""

    caught = (Throttled,)
    instead = Page({})


class SwallowsAMissingScope(SweptSource):
    """`except PermissionMissing: yield Page({})`"""

    caught = (PermissionMissing,)
    instead = Page({})


class StopsEarly(PebbleSource):
    """`return` before the page that ends the list"""

    def _read(self, *facts: Any) -> Iterator[Page]:
        for page in super()._read(*facts):
            if page.resume is None:
                return
            yield page


class ForgetsTheLastPage(PebbleSource):
    """a `token` stream whose last page does not say `last=True`"""

    def streams(self) -> Sequence[Stream]:
        return [replace(stream, cursor="token") for stream in super().streams()]

    def _read(self, *facts: Any) -> Iterator[Page]:
        return (replace(page, resume=page.resume or "end") for page in super()._read(*facts))


class Emits(PebbleSource):
    """Emits changed rows."""

    @staticmethod
    def change(row: Row) -> Mapping[str, Any]:
        return row

    def _read(self, *facts: Any) -> Iterator[Page]:
        for page in super()._read(*facts):
            rows = {kind: [self.change(row) for row in rows] for kind, rows in page.records.items()}
            yield replace(page, records=rows)


class RejectsEveryRow(Emits):
    """a field that no record type has: every row is rejected"""

    @staticmethod
    def change(row: Row) -> Mapping[str, Any]:
        return {**row, "colour": "red"}


class HasNaiveTimes(Emits):
    """times without a zone"""

    @staticmethod
    def change(row: Row) -> Mapping[str, Any]:
        times = {
            name: at.replace(tzinfo=None) for name, at in row.items() if isinstance(at, datetime)
        }
        return {**row, **times}


class StatesWhatNeverComes(PebbleSource):
    """a record type among `extra` that no page has"""

    def streams(self) -> Sequence[Stream]:
        customers, tickets = super().streams()
        return (customers, replace(tickets, extra=(SurveyResponse,)))


class PlainConfig(ConnectorConfig):
    base_url: str = "https://api.pebble.example"
    api_key: str


class HasAPlainKey(PebbleSource):
    """`api_key: str`"""

    Config = PlainConfig

    def __init__(self, config: PlainConfig, http: Http) -> None:
        super().__init__(PebbleConfig(api_key=config.api_key), http)


class SendsFloats(CoinSource):
    """money as a float"""

    def to_minor(self, amount: float, currency: str) -> Any:
        return amount * 100


class MakesDecimalsOfFloats(CoinSource):
    """`Decimal(amount) * 100` of a float"""

    def to_minor(self, amount: float, currency: str) -> Any:
        return Decimal(amount + 0.1) * 100


class CutsCents(CoinSource):
    """`int(amount * 100)`"""

    def to_minor(self, amount: float, currency: str) -> Any:
        return int(amount * 100)


class CountsInCents(CoinSource):
    """`int(Decimal(str(amount)) * 100)`, whatever the currency"""

    def to_minor(self, amount: float, currency: str) -> Any:
        return int(Decimal(str(amount)) * 100)


class KeepsRatings(RatedSource):
    """a rating among `extra`, which nothing ends"""

    def state(self, tickets: Stream) -> Stream:
        return replace(tickets, extra=(SurveyResponse,))


class NeedsEveryField(PebbleSource):
    """`item["subject"]` outside of `map_each`"""

    def _read(self, *facts: Any) -> Iterator[Page]:
        for page in super()._read(*facts):
            for row in page.records.get(Ticket, ()):
                row["raw"]["subject"]
            yield page


FOUND: Mapping[type[PebbleSource], tuple[str, str]] = {
    SwallowsTheQuota: (
        "test_an_exhausted_quota_is_not_the_end",
        "with an exhausted quota from request 1 of 4, customers catches the error and goes on;"
        " let errors of `http` through",
    ),
    SwallowsAnOutage: (
        "test_an_outage_is_not_the_end",
        "with an outage from request 1 of 4, customers catches the error and goes on; let errors"
        " of `http` through",
    ),
    SwallowsBoth: (
        "test_an_outage_is_not_the_end",
        "with an outage from request 1 of 4, customers catches the error and goes on; let errors"
        " of `http` through",
    ),
    ShowsAnEmptyPage: (
        "test_an_exhausted_quota_is_not_the_end",
        "with an exhausted quota from request 1 of 4, customers catches the error and goes on;"
        " let errors of `http` through",
    ),
    SwallowsAMissingScope: (
        "test_a_missing_permission_stops_its_stream_only",
        "with 403 for customers, customers catches the error and goes on; let errors of `http`"
        " through",
    ),
    StopsEarly: (
        FIRST_CASE,
        "customers: the read ended without a last page, so it is not complete",
    ),
    ForgetsTheLastPage: (
        FIRST_CASE,
        "the last page of a window has resume=None, or last=True with a token",
    ),
    RejectsEveryRow: (
        FIRST_CASE,
        "customers: 10 records are rejected, of 10 that it has",
    ),
    HasNaiveTimes: (FIRST_CASE, "tickets: Ticket.opened_at is a naive datetime"),
    StatesWhatNeverComes: (
        FIRST_CASE,
        "tickets states SurveyResponse, and no record of it ever comes",
    ),
    HasAPlainKey: (
        "test_its_configuration_hides_its_secrets",
        "api_key is a plain str and is sent as a credential: declare it as SecretStr",
    ),
    SendsFloats: (
        FIRST_CASE,
        "Invoice.total is a float (1950.0), and money through a float loses cents",
    ),
    MakesDecimalsOfFloats: (FIRST_CASE, "write Decimal(str(amount)), not Decimal(amount)"),
    CutsCents: ("test_amounts_are_exact", "and money through a float loses cents"),
    CountsInCents: (
        "test_amounts_follow_their_currency",
        "not every currency has cents, so money times 100 is wrong; use"
        " CURRENCY_EXPONENT[currency]",
    ),
    KeepsRatings: (
        "test_a_removed_child_is_ended",
        "tickets: tickets-001 was removed from its owner and lives on by the next run",
    ),
    NeedsEveryField: (
        "test_missing_fields_cost_one_record_at_most",
        "without subject, the run fails: the connector pebble broke: KeyError: 'subject'",
    ),
}
"""Mistake → the case that fails, and what it says."""


def make_vendor(connector: type[PebbleSource]) -> type[VendorFake]:
    base: type[VendorFake] = PebbleVendor
    if issubclass(connector, CoinSource):
        base = CoinVendor
    elif issubclass(connector, RatedSource):
        base = RatedVendor
    return type("Vendor", (base,), {"connector": connector})


def run_case(vendor: type[VendorFake], case: str, folder: Path) -> None:
    bench = SyncHarness(vendor, folder)
    try:
        getattr(SourceConformance(), case)(bench)
    finally:
        bench.close()


@pytest.mark.parametrize("mistake", FOUND, ids=lambda kind: str(kind.__name__))
def test_the_kit_says_what_is_wrong(mistake: type[PebbleSource], tmp_path: Path) -> None:
    case, message = FOUND[mistake]
    with pytest.raises(pytest.fail.Exception) as failure:
        run_case(make_vendor(mistake), case, tmp_path)
    assert message in str(failure.value)


@pytest.mark.parametrize("mistake", FOUND, ids=lambda kind: str(kind.__name__))
def test_the_page_has_the_mistake_and_what_is_said(mistake: type[PebbleSource]) -> None:
    case, message = FOUND[mistake]
    assert f"| {mistake.__doc__} | `{case}` | {message} |" in PAGE.read_text()


MONEY = ("test_amounts_are_exact", "test_amounts_follow_their_currency")


@pytest.mark.parametrize("case", [FIRST_CASE, *MONEY])
def test_exact_money_passes(case: str, tmp_path: Path) -> None:
    run_case(CoinVendor, case, tmp_path)


def test_a_rating_among_the_children_passes(tmp_path: Path) -> None:
    run_case(RatedVendor, "test_a_removed_child_is_ended", tmp_path)


class Slow(PebbleSource):
    limits = (Limit(requests=1, seconds=10),)


def test_one_request_in_ten_seconds_comes_to_its_end(tmp_path: Path) -> None:
    run_case(make_vendor(Slow), "test_killed_at_every_request_nothing_is_lost", tmp_path)


KIT = """
from cs_sync.testing import SourceConformance
from tests.testing.test_deliberate_mistakes import RejectsEveryRow, make_vendor

class TestIt(SourceConformance):
    vendor = make_vendor(RejectsEveryRow)
"""


@pytest.mark.slow("runs pytest in a process of its own")
def test_the_kit_ends_when_every_row_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "test_it.py"
    path.write_text(KIT)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)]
    root = str(Path(__file__).parents[2])
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=60)
    assert "1 failed" in done.stdout, done.stdout
    assert "skipped" in done.stdout
    assert done.stdout.count("colour: Extra inputs are not permitted") >= 1
