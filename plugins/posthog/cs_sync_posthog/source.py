"""The source: what the connector is; reading is loaded when something is read."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from cs_sync import ConnectorConfig, Finding, Http, Limit, Stream
from cs_sync_posthog.config import LIMITS, PostHogConfig


class PostHogSource:
    """Reads a project by aggregates: raw events stay where they are."""

    name: ClassVar[str] = "posthog"
    title: ClassVar[str] = "PostHog"
    Config: ClassVar[type[ConnectorConfig]] = PostHogConfig
    limits: ClassVar[Sequence[Limit]] = LIMITS
    concurrency: ClassVar[int] = 3

    def __init__(self, config: PostHogConfig, http: Http) -> None:
        from cs_sync_posthog.reader import ProjectReader

        self._project = ProjectReader(config, http)

    def streams(self) -> Sequence[Stream]:
        """Return groups, people, usage, features and survey answers."""
        return self._project.streams()

    def check(self) -> Iterator[Finding]:
        """Three small calls: the group type, a query, the surveys."""
        return self._project.check()
