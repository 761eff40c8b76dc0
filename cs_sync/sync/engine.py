"""Syncing several sources side by side, each at its own pace."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed

from cs_sync.contracts.events import Event
from cs_sync.contracts.source import Stream
from cs_sync.sync.collecting import seldom_collecting
from cs_sync.sync.outcome import Outcome
from cs_sync.sync.reading import Session
from cs_sync.sync.streams import OpenSource, StreamSync
from cs_sync.sync.windows import MOST_PARTS, Request

Note = Callable[[Outcome], None]


@seldom_collecting()
def sync_sources(
    session: Session, sources: Sequence[OpenSource], request: Request, note: Note
) -> list[Outcome]:
    """Bring every stream of every source up to date; `note` is told of each as it ends.

    Every part of a backfill has a reader of its own, let in as soon as it would not only wait for
    another's computing; while a vendor takes its time that is at once, so that all of them come
    to their ends together. How many requests run, and how fast they go, is decided at the source's
    door.
    Raises what must stop the run, after every reader has stopped.
    """
    streams = [(source, stream) for source in sources for stream in source.source.streams()]
    if not streams:
        return []
    pools = [ThreadPoolExecutor(MOST_PARTS, source.name) for source, _ in streams]
    conductors = ThreadPoolExecutor(len(streams), "stream")
    try:
        running: dict[Future[Outcome], OpenSource] = {
            conductors.submit(_sync, session, source, stream, request, pool): source
            for (source, stream), pool in zip(streams, pools, strict=True)
        }
        return [_noted(session, task.result(), note) for task in as_completed(running)]
    except BaseException:
        session.stop.set()
        raise
    finally:
        conductors.shutdown(cancel_futures=True)
        for pool in pools:
            pool.shutdown(cancel_futures=True)


def _sync(
    session: Session,
    source: OpenSource,
    stream: Stream,
    request: Request,
    pool: ThreadPoolExecutor,
) -> Outcome:
    session.emit(Event("stream_started", session.clock(), source.name, stream.name))
    return StreamSync(session, source, stream, request, pool).run()


def _noted(session: Session, outcome: Outcome, note: Note) -> Outcome:
    detail = {
        "status": outcome.status,
        "records": outcome.stored.records,
        "changed": outcome.stored.changed,
        "rejected": outcome.stored.rejected,
        "deleted": outcome.stored.deleted,
        "requests": outcome.requests,
        "error": outcome.error,
    }
    event = Event("stream_ended", session.clock(), outcome.source, outcome.stream, detail)
    session.emit(event)
    note(outcome)
    return outcome
