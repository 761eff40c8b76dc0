"""The `posthog` connector: product usage, features, people and in-app survey answers."""

from cs_sync import Source, hookimpl
from cs_sync_posthog.source import PostHogSource

__all__ = ["PostHogSource", "cs_sync_sources"]


@hookimpl
def cs_sync_sources() -> list[type[Source]]:
    """Return the source."""
    return [PostHogSource]
