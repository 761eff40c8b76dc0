"""The health model of a workspace, fitted to what its sources bring."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import Table

from cs_sync.health import HealthConfig, get_signal
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.brought_records import has_records, read_stream_tables
from cs_sync.sync.stream_tables import list_stream_tables
from cs_sync_schemas.tables import FEATURE_DAY, USAGE_DAY

if TYPE_CHECKING:  # a command that reads no source starts without what that takes
    from cs_sync.sync.stream_sync import OpenSource


def read_health_model(
    workspace: Workspace, known_at: datetime | None = None, opened: "Iterable[OpenSource]" = ()
) -> HealthConfig:
    """Return the health model without the inputs that no source brings.

    A source brings what its streams fill, and what is stored counts as well.

    Args:
        workspace: The workspace.
        known_at: The time of knowledge; None means now.
        opened: Sources whose streams count although they were not read yet.
    """
    config = workspace.config
    by_feature = bool(config.metrics.active_features)
    declared = {
        table
        for source in opened
        for stream in source.source.streams()
        for table in list_stream_tables(stream)
    }
    with workspace.store.read() as connection:
        declared |= read_stream_tables(connection, config.connectors.types, known_at)

        @cache
        def is_brought(record: Table, field: str | None) -> bool:
            table = FEATURE_DAY if by_feature and record is USAGE_DAY else record
            if field is None and table.name in declared:
                return True
            return has_records(connection, table, field, known_at)

        def has_source(name: str) -> bool:
            signal = get_signal(name)
            return any(is_brought(record, signal.field) for record in signal.records)

        return config.health.fit_sources(has_source)


def describe_left_out(workspace: Workspace, model: HealthConfig) -> str:
    """Return a sentence on the inputs that no source brings."""
    words, inputs = workspace.words, workspace.config.health.inputs
    kinds = dict.fromkeys(
        str(get_signal(inputs[name].signal).records[0].name) for name in model.left_out
    )
    if not kinds:
        return ""
    names = [words.find(f"score.kind.{kind}", kind.replace("_", " ")) for kind in kinds]
    what = words.enumeration(names)
    return words("score.left_out", what=what)


def describe_model(workspace: Workspace) -> list[str]:
    """Describe what is left out of today's scores, if anything."""
    sentence = describe_left_out(workspace, read_health_model(workspace))
    return [sentence] if sentence else []
