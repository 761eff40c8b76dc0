"""Good statuses with a useless, endless or oversized body."""

from collections.abc import Callable, Set
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from cs_sync.http import bounds
from cs_sync.testing.assertions import (
    assert_completed,
    assert_same_rows,
    assert_undisturbed,
    refuse_swallowed,
    require,
    require_network,
    skip_case,
)
from cs_sync.testing.poison import (
    drip_response,
    empty_lists,
    get_request_kind,
    keep_document,
    list_request_kinds,
    repeat_page,
    respond_useless,
    respond_zip_bomb,
)
from cs_sync.testing.syncing import SyncHarness, SyncRun, run_reference

SMALL = 2**20
"""Bytes of the largest answer here: a bomb of the real size takes longer."""
LONGEST = timedelta(minutes=30)
"""How long one stream may try in all, when every answer takes for ever."""


class UselessResponseCases:
    """Cases in which something answers in the vendor's place; it never counts."""

    def test_json_that_is_no_answer_moves_nothing(self, bench: SyncHarness) -> None:
        """No stream comes through with `{}`, null, a text or a list.

        Neither does `{"message": …}` or `{"error": …}`. Nothing changes, and what changed at the
        vendor meanwhile is read by the next run.
        """
        require_network(bench)
        bench.restore_first_run()
        bench.advance_clock(minutes=90)
        before = bench.rows()
        _edit_everything(bench)
        bench.advance_clock(minutes=5)
        for full in (False, True):
            run = bench.sync(respond_useless(), full=full)
            _check_all_failed(
                run, set(run_reference(bench.kind).streams), "with JSON that is not an answer"
            )
            assert_same_rows(before, bench.rows(), "after JSON that is not an answer")
        assert_completed(bench.sync(), "when the vendor answers again")
        expected = bench.present()
        assert_completed(bench.sync(full=True), "in full")
        assert_same_rows(bench.present(), expected, "by the run after JSON that was not an answer")

    def test_no_list_inside_a_stream_may_be_missing(self, bench: SyncHarness) -> None:
        """Every stream fails that needs a request without an answer.

        Each kind of request in turn gets none.
        """
        require_network(bench)
        for kind in list_request_kinds(run_reference(bench.kind).run.sent):
            bench.restore_first_run()
            bench.advance_clock(minutes=1)
            run = bench.sync(respond_useless(kind), full=True)
            _check_all_failed(run, _streams_requesting(run, kind), f"without an answer to {kind}")
            assert_undisturbed(bench, f"without an answer to {kind}")

    def test_no_object_that_is_read_again_may_be_missing(self, bench: SyncHarness) -> None:
        """The same for what an incremental run asks for after changes."""
        require_network(bench)
        bench.restore_first_run()
        bench.advance_clock(minutes=90)
        _edit_everything(bench)
        bench.advance_clock(minutes=5)
        before, kinds = bench.path.read_bytes(), list_request_kinds(bench.sync().sent)
        for kind in kinds:
            bench.restore(before)
            rows = bench.rows()
            run = bench.sync(respond_useless(kind))
            asking = _streams_requesting(run, kind)
            _check_all_failed(run, asking, f"without an answer to {kind}")
            if asking == set(run_reference(bench.kind).streams):
                assert_same_rows(rows, bench.rows(), f"without an answer to {kind}")

    def test_a_list_that_begins_again_comes_to_an_end(self, bench: SyncHarness) -> None:
        """A list that always shows its first page ends with an error.

        Soon, whatever place is asked for.
        """
        require_network(bench)
        streams = run_reference(bench.kind).streams.keys()
        _check_termination(bench, keep_document, "when lists begin again and again", streams)

    def test_empty_pages_that_go_on_come_to_an_end(self, bench: SyncHarness) -> None:
        """Empty pages that go on from one place come to an end.

        Page after page says that the list goes on.
        """
        require_network(bench)
        if run_reference(bench.kind).streams.keys() <= bench.kind.empty_page_ends.keys():
            skip_case("an empty page is the end of every list")
        marked = run_reference(bench.kind).streams.keys() - bench.kind.empty_page_ends.keys()
        _check_termination(bench, empty_lists, "when empty pages go on and on", marked)

    def test_a_body_that_unpacks_to_too_much_is_refused(self, bench: SyncHarness) -> None:
        """A small gzip body of many megabytes is refused.

        It is counted while it is unpacked, not after.
        """
        require_network(bench)
        with patch.object(bounds, "MAX_BYTES", SMALL):
            run = bench.sync(respond_zip_bomb)
        _check_all_failed(
            run, set(run_reference(bench.kind).streams), "with bodies that are too large"
        )
        assert_completed(bench.sync(), "with bodies of the usual size")
        assert_undisturbed(bench, "after bodies that were too large")

    def test_an_answer_that_never_ends_is_given_up(self, bench: SyncHarness) -> None:
        """An answer of a byte every few seconds is given up.

        It keeps every time-out of a read, and would take days.
        """
        require_network(bench)
        for stream in run_reference(bench.kind).streams:
            began = bench.clock.now()
            run = bench.sync(drip_response(bench.clock.sleep), only=[stream])
            _check_all_failed(run, {stream}, "with answers that never end")
            took = bench.clock.now() - began
            require(took < LONGEST, f"{stream} waits {took} for answers that never end")


def _edit_everything(bench: SyncHarness) -> None:
    for stream in run_reference(bench.kind).streams:
        bench.vendor.edit(stream)


def _streams_requesting(run: SyncRun, kind: str) -> set[str]:
    """Return the streams that sent requests of a kind."""
    return {sent.stream for sent in run.sent if get_request_kind(sent.request) == kind}


def _check_all_failed(run: SyncRun, streams: set[str], when: str) -> None:
    refuse_swallowed(run, when)
    fine = sorted(name for name in streams if run.outcomes[name].status != "failed")
    require(not fine, f"{when}, {', '.join(fine)} ends as if all were well")


def _check_termination(
    bench: SyncHarness, change: Callable[[Any], Any], when: str, streams: Set[str]
) -> None:
    """Check each stream, from each page on until one continues.

    A page that says that the list continues.
    """
    reference = run_reference(bench.kind)
    for stream in streams - bench.kind.one_page.keys():
        failed = False
        for page in range(1, sum(sent.stream == stream for sent in reference.run.sent) + 1):
            run = bench.sync(repeat_page(page, change), only=[stream], full=True)
            require(not run.killed, f"{when}, {stream} never comes to an end")
            failed = failed or run.outcomes[stream].status == "failed"
            if failed:
                break
        require(failed, f"{when}, {stream} ends as if all were well")
