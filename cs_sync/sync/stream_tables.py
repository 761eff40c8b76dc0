"""The tables that a stream fills."""

from cs_sync.contracts.source import Stream


def list_stream_tables(stream: Stream) -> tuple[str, ...]:
    """Return the names of a stream's tables."""
    return tuple(str(kind.__tablename__) for kind in stream.record_types)
