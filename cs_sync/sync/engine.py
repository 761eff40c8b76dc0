"""Sync of several sources in parallel, each at its own pace."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed

from cs_sync.contracts.events import Event
from cs_sync.contracts.source import Stream
from cs_sync.sync.gc_tuning import raise_gc_threshold
from cs_sync.sync.result import StreamResult
from cs_sync.sync.session import SyncSession
from cs_sync.sync.stream_sync import OpenSource, StreamSync
from cs_sync.sync.windows import MAX_SLICES, ReadRequest

OnResult = Callable[[StreamResult], None]


@raise_gc_threshold()
def sync_sources(
    session: SyncSession, sources: Sequence[OpenSource], request: ReadRequest, note: OnResult
) -> list[StreamResult]:
    """Sync every stream of every source.

    Each slice of a backfill has its own thread, admitted while the CPU is idle; during a
    vendor's answer that is at once, so that all slices end together. The source's HTTP client
    limits the number and rate of requests.

    Args:
        session: The shared state of the run.
        sources: The sources to read.
        request: What to read.
        note: Called with each stream's result as it ends.

    Returns:
        One result per stream, in order of completion.

    Raises:
        CsSyncError: The run must stop; every reader has stopped before.
    """
    streams = [(source, stream) for source in sources for stream in source.source.streams()]
    if not streams:
        return []
    for source, stream in streams:  # all of them first: how much there is to do is known at once
        session.emit(Event("stream_started", session.clock(), source.name, stream.name))
    pools = [ThreadPoolExecutor(MAX_SLICES, source.name) for source, _ in streams]
    conductors = ThreadPoolExecutor(len(streams), "stream")
    try:
        running: dict[Future[StreamResult], OpenSource] = {
            conductors.submit(_sync_stream, session, source, stream, request, pool): source
            for (source, stream), pool in zip(streams, pools, strict=True)
        }
        return [_report_result(session, task.result(), note) for task in as_completed(running)]
    except BaseException:
        session.stop.set()
        raise
    finally:
        conductors.shutdown(cancel_futures=True)
        for pool in pools:
            pool.shutdown(cancel_futures=True)


def _sync_stream(
    session: SyncSession,
    source: OpenSource,
    stream: Stream,
    request: ReadRequest,
    pool: ThreadPoolExecutor,
) -> StreamResult:
    return StreamSync(session, source, stream, request, pool).run()


def _report_result(session: SyncSession, outcome: StreamResult, note: OnResult) -> StreamResult:
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
