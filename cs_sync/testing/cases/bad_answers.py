"""Answers that do not come, or come broken: tried again, and the rows are the same."""

from datetime import datetime, timedelta

import httpx

from cs_sync.testing import faults
from cs_sync.testing.syncing import SyncBench
from cs_sync.testing.verdicts import came_through, must, needs_network, same_as_undisturbed
from cs_sync.testing.wire import Fault

PAUSE = 7
LARGE = 20
"""Records a page: here every request fails once anyway, and fewer of them are quicker."""


class BadAnswerCases:
    """What holds when every request fails the first time."""

    def test_told_to_wait_it_waits(self, bench: SyncBench) -> None:
        """429 with Retry-After: nothing is asked again before that."""
        _survives(bench, "with 429 and Retry-After", faults.status(429, Retry_After=str(PAUSE)))
        first: dict[tuple[object, ...], datetime] = {}
        for sent in bench.wire.sent:
            same = (sent.request.method, sent.request.url, sent.request.content)
            waited = sent.at - first.setdefault(same, sent.at)
            soon = sent.again and waited < timedelta(seconds=PAUSE)
            must(not soon, f"{sent.request.url.path} is asked again after {waited} of {PAUSE} s")

    def test_throttled_without_a_word_it_backs_off(self, bench: SyncBench) -> None:
        """429 that does not say for how long."""
        _survives(bench, "with 429 without Retry-After", faults.status(429))

    def test_server_errors_are_tried_again(self, bench: SyncBench) -> None:
        """500, 502, 503 and 504 in turn."""
        errors = [faults.status(code) for code in (500, 502, 503, 504)]
        _survives(bench, "with server errors", faults.in_turn(*errors))

    def test_lost_connections_are_tried_again(self, bench: SyncBench) -> None:
        """The connection is refused, reset, or ends before an answer."""
        errors = (httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError)
        _survives(bench, "with lost connections", faults.in_turn(*map(faults.lost, errors)))

    def test_time_outs_are_tried_again(self, bench: SyncBench) -> None:
        """No connection in time, and no answer in time."""
        errors = (httpx.ConnectTimeout, httpx.ReadTimeout)
        _survives(bench, "with time-outs", faults.in_turn(*map(faults.lost, errors)))

    def test_an_answer_cut_short_is_asked_again(self, bench: SyncBench) -> None:
        """Fewer bytes arrive than Content-Length announced."""
        _survives(bench, "with answers cut short", faults.cut)

    def test_half_an_answer_that_looks_whole_is_asked_again(self, bench: SyncBench) -> None:
        """Half of the JSON arrives under a Content-Length that fits it."""
        _survives(bench, "with half answers of the right length", faults.shortened)

    def test_a_web_page_with_200_is_asked_again(self, bench: SyncBench) -> None:
        """A proxy says that all is well, in HTML."""
        _survives(bench, "with web pages instead of JSON", faults.web_page)


def _survives(bench: SyncBench, when: str, fault: Fault) -> None:
    needs_network(bench)
    bench.vendor.page_size = LARGE
    came_through(bench.sync(faults.once(fault)), when)
    same_as_undisturbed(bench, when)
