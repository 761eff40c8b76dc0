"""Work on several parts at once: calls of a vendor that wait for their answers together."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextvars import copy_context
from threading import Event
from typing import TypeVar

from cs_sync.contracts.errors import AnswerUnknown

Part = TypeVar("Part")
Result = TypeVar("Result")


def map_side_by_side(
    work: Callable[[Part], Iterable[Result]], parts: Sequence[Part], lanes: int
) -> Iterator[Result]:
    """Yield the results of all parts, several parts at a time.

    After an error no further part begins: what is under way ends, its results are yielded, and
    the error is raised. A lost answer (AnswerUnknown) stops no other part and is raised last.

    Args:
        work: Returns the results of one part; it may fail after some of them.
        parts: The parts; what has to keep its order belongs into one of them.
        lanes: How many parts are worked on at once.
    """
    if len(parts) <= 1:
        for part in parts:
            yield from work(part)
        return
    stopping = Event()
    lost: AnswerUnknown | None = None
    failed: BaseException | None = None

    def collect(part: Part) -> tuple[list[Result], BaseException | None]:
        results: list[Result] = []
        try:
            for result in () if stopping.is_set() else work(part):
                results.append(result)  # noqa: PERF402 - what comes before an error counts
        except BaseException as error:  # noqa: BLE001 - it is raised where the results are taken
            if not isinstance(error, AnswerUnknown):
                stopping.set()
            return results, error
        return results, None

    with ThreadPoolExecutor(lanes, thread_name_prefix="side-by-side") as pool:
        # Each in a copy of this context, so that its requests count for the stream they are of.
        running = [pool.submit(copy_context().run, collect, part) for part in parts]
        try:
            for future in as_completed(running):
                results, error = future.result()
                yield from results
                if isinstance(error, AnswerUnknown):
                    lost = lost or error
                else:
                    failed = failed or error
        finally:
            stopping.set()
    if error := failed or lost:
        raise error
