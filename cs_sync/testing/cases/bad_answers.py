"""Failed and broken responses: they are retried, and the rows are the same."""

from datetime import datetime, timedelta

import httpx

from cs_sync.testing import faults
from cs_sync.testing.assertions import (
    assert_completed,
    assert_undisturbed,
    require,
    require_network,
)
from cs_sync.testing.fault_transport import Fault
from cs_sync.testing.syncing import SyncHarness

PAUSE = 7
LARGE = 20
"""Records a page: here every request fails once anyway, and fewer of them are quicker."""


class BadResponseCases:
    """Cases in which every request fails the first time."""

    def test_told_to_wait_it_waits(self, bench: SyncHarness) -> None:
        """429 with Retry-After: nothing is asked again before that."""
        _check_recovery(
            bench, "with 429 and Retry-After", faults.respond_status(429, Retry_After=str(PAUSE))
        )
        first: dict[tuple[object, ...], datetime] = {}
        for sent in bench.wire.sent:
            same = (sent.request.method, sent.request.url, sent.request.content)
            waited = sent.at - first.setdefault(same, sent.at)
            soon = sent.again and waited < timedelta(seconds=PAUSE)
            require(not soon, f"{sent.request.url.path} is asked again after {waited} of {PAUSE} s")

    def test_throttled_without_a_word_it_backs_off(self, bench: SyncHarness) -> None:
        """429 that does not say for how long."""
        _check_recovery(bench, "with 429 without Retry-After", faults.respond_status(429))

    def test_server_errors_are_tried_again(self, bench: SyncHarness) -> None:
        """500, 502, 503 and 504 in turn."""
        errors = [faults.respond_status(code) for code in (500, 502, 503, 504)]
        _check_recovery(bench, "with server errors", faults.fail_in_turn(*errors))

    def test_lost_connections_are_tried_again(self, bench: SyncHarness) -> None:
        """The connection is refused, reset, or ends before an answer."""
        errors = (httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError)
        _check_recovery(
            bench, "with lost connections", faults.fail_in_turn(*map(faults.lose_response, errors))
        )

    def test_time_outs_are_tried_again(self, bench: SyncHarness) -> None:
        """No connection in time, and no answer in time."""
        errors = (httpx.ConnectTimeout, httpx.ReadTimeout)
        _check_recovery(
            bench, "with time-outs", faults.fail_in_turn(*map(faults.lose_response, errors))
        )

    def test_an_answer_cut_short_is_asked_again(self, bench: SyncHarness) -> None:
        """Fewer bytes arrive than Content-Length announced."""
        _check_recovery(bench, "with answers cut short", faults.cut_response)

    def test_half_an_answer_that_looks_whole_is_asked_again(self, bench: SyncHarness) -> None:
        """Half of the JSON arrives under a Content-Length that fits it."""
        _check_recovery(bench, "with half answers of the right length", faults.truncate_response)

    def test_a_web_page_with_200_is_asked_again(self, bench: SyncHarness) -> None:
        """A proxy says that all is well, in HTML."""
        _check_recovery(bench, "with web pages instead of JSON", faults.respond_web_page)


def _check_recovery(bench: SyncHarness, when: str, fault: Fault) -> None:
    require_network(bench)
    bench.vendor.page_size = LARGE
    assert_completed(bench.sync(faults.fail_once(fault)), when)
    assert_undisturbed(bench, when)
