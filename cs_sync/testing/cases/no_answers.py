"""Answers with a good status that are none, that never end, or that are too much."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from cs_sync.http import bounds
from cs_sync.testing.poison import (
    as_it_was,
    bomb,
    dripping,
    kind_of,
    kinds_of,
    no_answer,
    same_again,
    without_rows,
)
from cs_sync.testing.syncing import Run, SyncBench, reference
from cs_sync.testing.verdicts import (
    came_through,
    must,
    needs_network,
    same_as_undisturbed,
    same_rows,
)

SMALL = 2**20
"""Bytes of the largest answer here: a bomb of the real size takes longer."""
LONGEST = timedelta(minutes=30)
"""How long one stream may try in all, when every answer takes for ever."""


class NoAnswerCases:
    """What holds when something answers in the vendor's place: nothing is taken for an answer."""

    def test_json_that_is_no_answer_moves_nothing(self, bench: SyncBench) -> None:
        """`{}`, null, a text, `{"message": …}`, `{"error": …}`, a list: no stream comes through.

        Nothing changes, and what changed at the vendor meanwhile is read by the next run.
        """
        needs_network(bench)
        bench.begin_synced()
        bench.later(minutes=90)
        before = bench.rows()
        _edit_everything(bench)
        bench.later(minutes=5)
        for full in (False, True):
            run = bench.sync(no_answer(), full=full)
            _all_failed(run, set(reference(bench.kind).streams), "with JSON that is no answer")
            same_rows(before, bench.rows(), "after JSON that is no answer")
        came_through(bench.sync(), "when the vendor answers again")
        found = bench.present()
        came_through(bench.sync(full=True), "in full")
        same_rows(bench.present(), found, "by the run after JSON that was no answer")

    def test_no_list_inside_a_stream_may_be_missing(self, bench: SyncBench) -> None:
        """Each kind of request in turn gets no answer: every stream that needs it fails."""
        needs_network(bench)
        for kind in kinds_of(reference(bench.kind).run.sent):
            bench.begin_synced()
            bench.later(minutes=1)
            run = bench.sync(no_answer(kind), full=True)
            _all_failed(run, _asking(run, kind), f"without an answer to {kind}")
            same_as_undisturbed(bench, f"without an answer to {kind}")

    def test_no_object_that_is_read_again_may_be_missing(self, bench: SyncBench) -> None:
        """The same for what an incremental run asks for after changes."""
        needs_network(bench)
        bench.begin_synced()
        bench.later(minutes=90)
        _edit_everything(bench)
        bench.later(minutes=5)
        before, kinds = bench.path.read_bytes(), kinds_of(bench.sync().sent)
        for kind in kinds:
            bench.restore(before)
            rows = bench.rows()
            run = bench.sync(no_answer(kind))
            asking = _asking(run, kind)
            _all_failed(run, asking, f"without an answer to {kind}")
            if asking == set(reference(bench.kind).streams):
                same_rows(rows, bench.rows(), f"without an answer to {kind}")

    def test_a_list_that_begins_again_comes_to_an_end(self, bench: SyncBench) -> None:
        """Whatever place is asked for, the same page is shown: that is an error, soon."""
        needs_network(bench)
        _must_end(bench, as_it_was, "when lists begin again and again")

    def test_empty_pages_that_go_on_come_to_an_end(self, bench: SyncBench) -> None:
        """Page after page is empty and says that the list goes on from one and the same place."""
        needs_network(bench)
        _must_end(bench, without_rows, "when empty pages go on and on")

    def test_a_body_that_unpacks_to_too_much_is_refused(self, bench: SyncBench) -> None:
        """A small gzip body of many megabytes: counted while it is unpacked, not after."""
        needs_network(bench)
        with patch.object(bounds, "LARGEST", SMALL):
            run = bench.sync(bomb)
        _all_failed(run, set(reference(bench.kind).streams), "with bodies that are too large")
        came_through(bench.sync(), "with bodies of the usual size")
        same_as_undisturbed(bench, "after bodies that were too large")

    def test_an_answer_that_never_ends_is_given_up(self, bench: SyncBench) -> None:
        """A byte every few seconds keeps every time-out of a read, and would take days."""
        needs_network(bench)
        for stream in reference(bench.kind).streams:
            began = bench.clock.now()
            run = bench.sync(dripping(bench.clock.sleep), only=[stream])
            _all_failed(run, {stream}, "with answers that never end")
            took = bench.clock.now() - began
            must(took < LONGEST, f"{stream} waits {took} for answers that never end")


def _edit_everything(bench: SyncBench) -> None:
    for stream in reference(bench.kind).streams:
        bench.vendor.edit(stream)


def _asking(run: Run, kind: str) -> set[str]:
    """The streams that sent requests of a kind."""
    return {sent.stream for sent in run.sent if kind_of(sent.request) == kind}


def _all_failed(run: Run, streams: set[str], when: str) -> None:
    fine = sorted(name for name in streams if run.outcomes[name].status != "failed")
    must(not fine, f"{when}, {', '.join(fine)} ends as if all were well")


def _must_end(bench: SyncBench, change: Callable[[Any], Any], when: str) -> None:
    """Each stream alone, from each page on until one of them says that the list goes on."""
    found = reference(bench.kind)
    for stream in found.streams.keys() - bench.kind.one_page.keys():
        failed = False
        for page in range(1, sum(sent.stream == stream for sent in found.run.sent) + 1):
            run = bench.sync(same_again(page, change), only=[stream], full=True)
            must(not run.killed, f"{when}, {stream} never comes to an end")
            failed = failed or run.outcomes[stream].status == "failed"
            if failed:
                break
        must(failed, f"{when}, {stream} ends as if all were well")
