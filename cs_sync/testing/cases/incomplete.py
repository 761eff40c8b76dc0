"""Errors half way: a list that an error cuts off is not complete, and deletes nothing."""

from collections.abc import Iterator, Mapping

import httpx

from cs_sync.testing.assertions import (
    assert_completed,
    assert_undisturbed,
    refuse_swallowed,
    require,
    require_network,
)
from cs_sync.testing.fault_transport import Exchange, Fault
from cs_sync.testing.faults import respond_status
from cs_sync.testing.syncing import SyncHarness, run_reference

HOURS = str(2 * 3600)
"""Seconds for which a quota stays closed: longer than a run waits."""


class IncompleteReadCases:
    """Cases in which an error comes in the middle of a list, and stays."""

    def test_an_exhausted_quota_is_not_the_end(self, bench: SyncHarness) -> None:
        """429 for two hours, from any request on, fails its stream alone."""
        _check_cut_lists(bench, "an exhausted quota", respond_status(429, Retry_After=HOURS))

    def test_an_outage_is_not_the_end(self, bench: SyncHarness) -> None:
        """503 for good, from any request on, fails its stream alone."""
        _check_cut_lists(bench, "an outage", respond_status(503))

    def test_a_refused_list_is_not_empty(self, bench: SyncHarness) -> None:
        """400 for every request of a stream fails it, and buries nothing."""
        require_network(bench)

        def refuse(_exchange: Exchange) -> httpx.Response:
            return bench.vendor.refusal(400, "this request is not understood")

        for stream in _count_requests(bench):
            _check_failed(bench, stream, _fault_from(stream, 1, refuse), "with 400 for all of it")
        _check_recovered(bench)


def _check_cut_lists(bench: SyncHarness, what: str, fault: Fault) -> None:
    """Check each stream with the fault from several requests on.

    From the first one, the second one, and the last one.
    """
    require_network(bench)
    for stream, count in _count_requests(bench).items():
        for number in sorted({1, min(2, count), count}):
            when = f"with {what} from request {number} of {count}"
            _check_failed(bench, stream, _fault_from(stream, number, fault), when)
    _check_recovered(bench)


def _count_requests(bench: SyncHarness) -> Mapping[str, int]:
    """Return stream → its requests in the undisturbed first run."""
    reference = run_reference(bench.kind)
    sent = [request.stream for request in reference.run.sent]
    return {name: sent.count(name) for name in reference.streams if name in sent}


def _fault_from(stream: str, number: int, fault: Fault) -> Fault:
    """Inject the fault at a stream's requests from this one on."""
    numbers: Iterator[int] = iter(range(1, 10**6))

    def inject(exchange: Exchange) -> httpx.Response:
        is_concerned = exchange.sent.stream == stream and next(numbers) >= number
        return fault(exchange) if is_concerned else exchange.answer()

    return inject


def _check_failed(bench: SyncHarness, stream: str, fault: Fault, when: str) -> None:
    bench.restore_first_run()
    bench.advance_clock(minutes=1)
    run = bench.sync(fault, only=[stream], full=True)
    refuse_swallowed(run, when)
    status = run.outcomes[stream].status
    require(status == "failed", f"{when}, {stream} is {status}")
    assert_undisturbed(bench, f"{when} of {stream}")


def _check_recovered(bench: SyncHarness) -> None:
    assert_completed(bench.sync(), "when the vendor answers again")
    assert_undisturbed(bench, "when the vendor answers again")
