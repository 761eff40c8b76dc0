"""Undisturbed reads: everything arrives, and a second run changes nothing."""

import subprocess
import sys

import httpx

from cs_sync.plugins.offer_validation import validate_source
from cs_sync.testing.assertions import (
    assert_completed,
    assert_undisturbed,
    require,
    require_network,
)
from cs_sync.testing.fault_transport import Exchange
from cs_sync.testing.faults import respond_status
from cs_sync.testing.syncing import SyncHarness, run_reference

PAGES = 3
"""What a stream of a fake vendor must come in, at least: a first, a middle and a last one."""

_IMPORT = """
import sys
def no_network(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        raise SystemExit(f"{event}{args[1:]} at import")
sys.addaudithook(no_network)
__import__(sys.argv[1])
"""


class ReadingCases:
    """Cases without failures."""

    def test_the_host_accepts_the_connector(self, bench: SyncHarness) -> None:
        """Its facts are complete, and its streams have names of their own."""
        require(not (problem := validate_source(bench.kind.connector)), str(problem))
        names = [stream.name for stream in bench.streams]
        require(len(set(names)) == len(names), f"two streams have one name: {names}")

    def test_importing_it_opens_no_connection(self, bench: SyncHarness) -> None:
        """Importing the connector reaches for no network.

        In a process of its own.
        """
        command = [sys.executable, "-c", _IMPORT, bench.kind.connector.__module__]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        require(done.returncode == 0, f"importing it fails: {done.stderr.strip()[-500:]}")

    def test_making_it_sends_no_request(self, bench: SyncHarness) -> None:
        """The constructor and `streams` state facts; only reading asks the vendor."""
        with bench.open_connector() as source:
            source.streams()
        urls = [str(sent.request.url) for sent in bench.wire.sent]
        require(not urls, f"it asks {urls} before it reads")

    def test_every_stream_arrives_in_several_pages(self, bench: SyncHarness) -> None:
        """The fake vendor has enough records, and the connector pages through them."""
        reference = run_reference(bench.kind)
        for name in reference.streams:
            pages, why = reference.run.pages(name), bench.kind.one_page.get(name)
            enough = pages >= PAGES or why
            require(
                bool(enough), f"{name} comes in {pages} pages; the fake needs {PAGES} or a reason"
            )

    def test_a_second_run_changes_nothing(self, bench: SyncHarness) -> None:
        """What is read twice is stored once.

        Also with all streams side by side.
        """
        bench.sync(side_by_side=True)
        assert_undisturbed(bench, "read side by side")
        again = bench.sync(side_by_side=True)
        assert_completed(again, "the second time")
        require(again.changed == 0, f"the second run finds {again.changed} changes where none are")
        assert_undisturbed(bench, "read twice")

    def test_a_full_run_changes_nothing(self, bench: SyncHarness) -> None:
        """Reading all again finds what is stored."""
        bench.restore_first_run()
        bench.advance_clock(minutes=1)
        full = bench.sync(full=True)
        assert_completed(full, "with --full")
        require(full.changed == 0, f"a full run finds {full.changed} changes where none are")

    def test_short_pages_are_not_the_end(self, bench: SyncHarness) -> None:
        """Pages of one, many and few records hold the same records."""
        require_network(bench)
        sizes = (2, 1, 5, 1, 3)

        def uneven(exchange: Exchange) -> httpx.Response:
            bench.vendor.page_size = sizes[exchange.number % len(sizes)]
            return exchange.answer()

        assert_completed(bench.sync(uneven), "with pages of uneven length")
        assert_undisturbed(bench, "with pages of uneven length")

    def test_check_finds_nothing_wrong(self, bench: SyncHarness) -> None:
        """`cs-sync check` is content with a vendor that answers."""
        with bench.open_connector() as source:
            wrong = [finding for finding in source.check() if not finding.ok]
        require(not wrong, f"check complains without a cause: {wrong}")

    def test_check_names_a_refused_key(self, bench: SyncHarness) -> None:
        """With a wrong key `check` says so instead of raising.

        And what to do.
        """
        require_network(bench)
        with bench.open_connector(
            lambda _sent: bench.vendor.refusal(401, "who are you?")
        ) as source:
            wrong = [finding for finding in source.check() if not finding.ok]
        require(bool(wrong), "check is content although the key is refused")
        require(all(finding.remedy for finding in wrong), f"no remedy is named: {wrong}")

    def test_check_survives_a_vendor_in_trouble(self, bench: SyncHarness) -> None:
        """With errors everywhere `check` says so instead of raising."""
        require_network(bench)
        with bench.open_connector(respond_status(503)) as source:
            require(any(not f.ok for f in source.check()), "check is content with a 503 everywhere")
