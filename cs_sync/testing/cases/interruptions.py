"""Processes that die: whatever is read again, the rows are the same in the end."""

from collections.abc import Callable

import httpx

from cs_sync.testing.syncing import Run, SyncBench, reference
from cs_sync.testing.verdicts import came_through, must, needs_network, same_as_undisturbed
from cs_sync.testing.wire import Exchange, Fault

MOST_PROCESSES = 400


class InterruptionCases:
    """What holds when the process is killed."""

    def test_killed_after_every_page_nothing_is_lost(self, bench: SyncBench) -> None:
        """Each process dies right after it stored a page; the next one goes on from there."""
        for stream in reference(bench.kind).streams:
            _live_on(bench, stream, lambda only, pages: bench.sync(only=[only], pages=pages))
        same_as_undisturbed(bench, "killed after every page")

    def test_killed_at_every_request_nothing_is_lost(self, bench: SyncBench) -> None:
        """Each process dies while it waits for an answer; the next one asks again."""
        needs_network(bench)
        for stream in reference(bench.kind).streams:
            _live_on(
                bench, stream, lambda only, count: bench.sync(_dying_after(count), only=[only])
            )
        same_as_undisturbed(bench, "killed at every request")

    def test_a_killed_full_run_is_taken_up(self, bench: SyncBench) -> None:
        """`--full` that dies half-way leaves what was stored, and the next run ends well."""
        bench.begin_synced()
        bench.later(minutes=1)
        bench.sync(full=True, pages=2)
        came_through(bench.sync(), "after a killed full run")
        same_as_undisturbed(bench, "after a killed full run")


def _live_on(bench: SyncBench, stream: str, process: Callable[[str, int], Run]) -> None:
    """Processes that live for one step each, and for one more whenever that brings nothing new."""
    steps, seen = 1, [bench.standing()]
    for _ in range(MOST_PROCESSES):
        run = process(stream, steps)
        if not run.killed:
            came_through(run, f"{stream} after many deaths")
            return
        steps += bench.standing() in seen
        seen.append(bench.standing())
    must(False, f"{stream} never comes to its end: it does not go on where it was")


def _dying_after(count: int) -> Fault:
    def fault(exchange: Exchange) -> httpx.Response:
        return exchange.answer() if exchange.number <= count else exchange.die()

    return fault
