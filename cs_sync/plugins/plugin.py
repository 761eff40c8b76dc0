"""What is known of an installed plugin, and how to say that it is broken."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plugin:
    """An entry point of the group `cs_sync`, and the distribution it came with."""

    name: str
    distribution: str
    version: str

    @property
    def key(self) -> str:
        """Tells it from a plugin of the same name in another distribution."""
        return f"{self.distribution}:{self.name}"

    def __str__(self) -> str:
        return f"{self.name} ({self.distribution} {self.version})"


@dataclass(frozen=True, slots=True)
class BrokenPlugin:
    """A plugin that cannot be used, why, and what to do about it."""

    name: str
    distribution: str
    version: str
    error: str
    remedy: str

    def __str__(self) -> str:
        who = f"plugin {self.name} ({self.distribution} {self.version})"
        return f"{who} is left out: {self.error}\n  → {self.remedy}"


def broken(plugin: Plugin, error: BaseException | str, remedy: str = "") -> BrokenPlugin:
    """The report on a plugin that failed; the remedy follows from the error unless given."""
    if isinstance(error, BaseException):
        text = f"{type(error).__name__}: {error}".strip().rstrip(":")
    else:
        text = error
    return BrokenPlugin(
        name=plugin.name,
        distribution=plugin.distribution,
        version=plugin.version,
        error=text,
        remedy=remedy or _remedy(plugin, error),
    )


def _remedy(plugin: Plugin, error: BaseException | str) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        return (
            f"pip install --force-reinstall {plugin.distribution} brings what it needs"
            f" ({package} is missing)"
        )
    return f"pip install --upgrade {plugin.distribution}, or pip uninstall {plugin.distribution}"
