"""Parts worked on at once: all results, errors after what was under way, and the order kept."""

from collections.abc import Iterator
from contextvars import ContextVar
from threading import Barrier, Event

import pytest

from cs_sync import AnswerUnknown, CredentialRefused, map_side_by_side


def test_parts_wait_together() -> None:
    together = Barrier(3, timeout=120)

    def work(part: int) -> list[int]:
        together.wait()  # nobody passes before all three have come
        return [part, part]

    assert sorted(map_side_by_side(work, [1, 2, 3], 3)) == [1, 1, 2, 2, 3, 3]
    assert list(map_side_by_side(work, [], 3)) == []


def test_no_more_than_the_lanes_are_worked_on_at_once() -> None:
    busy: set[int] = set()
    most: list[int] = []

    def work(part: int) -> list[int]:
        busy.add(part)
        most.append(len(busy))
        Event().wait(0.001)
        busy.discard(part)
        return [part]

    assert sorted(map_side_by_side(work, range(20), 4)) == list(range(20))
    assert max(most) <= 4


def list_until_error(results: Iterator[int], error: type[Exception]) -> list[int]:
    """List the results that come before an error, which must come."""
    before: list[int] = []

    def take_all() -> None:
        for result in results:
            before.append(result)

    with pytest.raises(error):
        take_all()
    return before


def test_an_error_lets_no_further_part_begin_and_keeps_what_was_done() -> None:
    begun: list[int] = []
    together = Barrier(2, timeout=120)

    def work(part: int) -> Iterator[int]:
        begun.append(part)
        yield part
        together.wait()
        if part == 0:
            raise CredentialRefused("no")
        Event().wait(0.05)  # the error is seen meanwhile

    results = list_until_error(map_side_by_side(work, range(50), 2), CredentialRefused)
    assert sorted(results) == [0, 1]
    assert sorted(begun) == [0, 1]


def test_a_lost_answer_stops_no_other_part_and_is_raised_last() -> None:
    def work(part: int) -> Iterator[int]:
        if part == 0:
            raise AnswerUnknown("lost")
        yield part

    results = list_until_error(map_side_by_side(work, range(6), 2), AnswerUnknown)
    assert sorted(results) == [1, 2, 3, 4, 5]


def test_parts_see_the_context_of_whoever_asks() -> None:
    name: ContextVar[str] = ContextVar("name", default="")
    name.set("contacts")
    assert list(map_side_by_side(lambda _part: [name.get()], [1, 2], 2)) == ["contacts"] * 2
