"""Killed processes: whatever is read again, the rows are the same in the end."""

from collections.abc import Callable

import httpx

from cs_sync.testing.assertions import (
    assert_completed,
    assert_undisturbed,
    fail_case,
    require_network,
)
from cs_sync.testing.fault_transport import Exchange, Fault
from cs_sync.testing.syncing import SyncHarness, SyncRun, run_reference

MAX_PROCESSES = 400


class InterruptionCases:
    """Cases in which the process is killed."""

    def test_killed_after_every_page_nothing_is_lost(self, bench: SyncHarness) -> None:
        """Each process dies after a page; the next one goes on.

        Right after it stored the page.
        """
        for stream in run_reference(bench.kind).streams:
            _run_until_done(bench, stream, lambda only, pages: bench.sync(only=[only], pages=pages))
        assert_undisturbed(bench, "killed after every page")

    def test_killed_at_every_request_nothing_is_lost(self, bench: SyncHarness) -> None:
        """Each process dies waiting for an answer; the next asks again."""
        require_network(bench)
        for stream in run_reference(bench.kind).streams:
            _run_until_done(
                bench, stream, lambda only, count: bench.sync(_die_after(count), only=[only])
            )
        assert_undisturbed(bench, "killed at every request")

    def test_a_killed_full_run_is_taken_up(self, bench: SyncHarness) -> None:
        """A killed full run leaves what it stored; the next ends well."""
        bench.restore_first_run()
        bench.advance_clock(minutes=1)
        bench.sync(full=True, pages=2)
        assert_completed(bench.sync(), "after a killed full run")
        assert_undisturbed(bench, "after a killed full run")


def _run_until_done(
    bench: SyncHarness, stream: str, process: Callable[[str, int], SyncRun]
) -> None:
    """Run processes of one step each, until one ends.

    One step longer after each without progress.
    """
    steps, positions = 1, [bench.read_positions()]
    for _ in range(MAX_PROCESSES):
        run = process(stream, steps)
        if not run.killed:
            assert_completed(run, f"{stream} after many deaths")
            return
        # A stream that was read to its end is read again by each process, up to its own now.
        steps += bench.has_been_read(stream) or bench.read_positions() in positions
        positions.append(bench.read_positions())
    fail_case(f"{stream} never comes to its end: it does not go on where it was")


def _die_after(count: int) -> Fault:
    def fault(exchange: Exchange) -> httpx.Response:
        return exchange.answer() if exchange.number <= count else exchange.die()

    return fault
