"""An installed plugin, and the report on a broken one."""

from msgspec import Struct

from cs_sync.contracts.errors import CsSyncError


class Plugin(Struct, frozen=True):
    """An entry point of the group `cs_sync` and its distribution."""

    name: str
    distribution: str
    version: str

    @property
    def key(self) -> str:
        """The key that is unique across distributions."""
        return f"{self.distribution}:{self.name}"

    def __str__(self) -> str:
        return f"{self.name} ({self.distribution} {self.version})"


class BrokenPlugin(Struct, frozen=True):
    """An unusable plugin, with error and remedy."""

    name: str
    distribution: str
    version: str
    error: str
    remedy: str

    def __str__(self) -> str:
        who = f"plugin {self.name} ({self.distribution} {self.version})"
        return f"{who} is left out: {self.error}\n  → {self.remedy}"


def describe_broken_plugin(
    plugin: Plugin, error: BaseException | str, remedy: str = ""
) -> BrokenPlugin:
    """Build the report on a failed plugin.

    Args:
        plugin: The plugin.
        error: An exception or a message.
        remedy: By default it follows from the error.
    """
    if isinstance(error, CsSyncError):
        text = error.message
    elif isinstance(error, BaseException):
        text = f"{type(error).__name__}: {error}".strip().rstrip(":")
    else:
        text = error
    return BrokenPlugin(
        name=plugin.name,
        distribution=plugin.distribution,
        version=plugin.version,
        error=text,
        remedy=remedy or _suggest_remedy(plugin, error),
    )


def _suggest_remedy(plugin: Plugin, error: BaseException | str) -> str:
    if isinstance(error, CsSyncError) and error.remedy:
        return error.remedy
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        return (
            f"pip install --force-reinstall {plugin.distribution} brings what it needs"
            f" ({package} is missing)"
        )
    return f"pip install --upgrade {plugin.distribution}, or pip uninstall {plugin.distribution}"
