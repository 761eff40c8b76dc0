"""What the installed plugins offer: asked for once, when it is first needed, each guarded."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cs_sync.contracts.errors import ConfigError
from cs_sync.contracts.hooks import hookimpl
from cs_sync.plugins.distributions import DISTRIBUTION
from cs_sync.plugins.plugin import Plugin, broken
from cs_sync.plugins.registering import PluginSet

if TYPE_CHECKING:  # the help page of the command line starts without the schema
    import typer

    from cs_sync.contracts.destination import Destination
    from cs_sync.contracts.events import Event
    from cs_sync.contracts.source import ConnectorConfig, Source
    from cs_sync.follow_ups.playbook import Playbook
    from cs_sync.metrics.metric import Metric
    from cs_sync_schemas import SourceAccount


class Plugins(PluginSet):
    """The plugins that can be used, and by name what they offer.

    `hook` is pluggy's relay for calls to all of them at once (unguarded); the methods below guard
    each plugin on its own and add those that fail to `broken`. Plugins are imported when one of
    them is first needed; only those with commands are imported for the help page.
    """

    @cached_property
    def sources(self) -> "dict[str, type[Source]]":
        """Connectors that read, by name."""
        from cs_sync.plugins.checks import check_source

        return self._by_name("cs_sync_sources", check_source)

    @cached_property
    def destinations(self) -> "dict[str, type[Destination]]":
        """Connectors that write, by name."""
        from cs_sync.plugins.checks import check_destination

        sources = self.sources
        return self._by_name(
            "cs_sync_destinations", lambda offer: check_destination(offer, sources)
        )

    @cached_property
    def metrics(self) -> "dict[str, Metric]":
        """Metrics that plugins add, by name."""
        from cs_sync.plugins.checks import check_metric

        return self._by_name("cs_sync_metrics", check_metric)

    @cached_property
    def playbooks(self) -> "dict[str, Playbook]":
        """Playbooks that plugins add, by name."""
        from cs_sync.plugins.checks import check_playbook

        return self._by_name("cs_sync_playbooks", check_playbook)

    def settings_of(self, connector: str) -> "type[ConnectorConfig] | None":
        """The settings that a connector understands; None when no plugin offers it."""
        found = self.sources.get(connector) or self.destinations.get(connector)
        return found.Config if found else None

    def secret(self, scheme: str, reference: str) -> str | None:
        """The secret behind `scheme:reference`, from the first plugin that knows it.

        Raises ConfigError when a vault's plugin fails; the message never quotes what it said.
        """
        for plugin, call in self._callers("cs_sync_secret"):
            try:
                value = call(scheme=scheme, reference=reference)
            except Exception as error:  # noqa: BLE001 - its text may hold the secret
                raise ConfigError(
                    f"plugin {plugin} could not read {scheme}:{reference} ({type(error).__name__})",
                    "check that vault's address and login",
                ) from None
            if value is not None:
                return str(value)
        return None

    @property
    def has_vault(self) -> bool:
        """Whether any plugin resolves secrets."""
        return bool(self._callers("cs_sync_secret"))

    def match(self, record: "SourceAccount") -> str | None:
        """The account that a plugin says this record is; one that raises is not asked again."""
        for plugin, call in self._matchers:
            if plugin.key in self._muted:
                continue
            try:
                account = call(record=record)
            except Exception as error:  # noqa: BLE001 - the rules decide without it
                self._mute(plugin, error)
                continue
            if account is not None:
                return str(account)
        return None

    @property
    def has_matcher(self) -> bool:
        """Whether any plugin overrides who is who."""
        return bool(self._matchers)

    def emit(self, event: "Event") -> None:
        """Tell every observer; one that raises is reported once and not called again."""
        for plugin, call in self._observers:
            if plugin.key in self._muted:
                continue
            try:
                call(event=event)
            except Exception as error:  # noqa: BLE001 - an observer must not stop the work
                self._mute(plugin, error)

    def observe(self, observer: "Callable[[Event], None]", name: str = "observer") -> None:
        """Let a function of the host see the events, through the same door as plugins."""
        self.register(Plugin(name, DISTRIBUTION, ""), _Observer(observer))
        self.__dict__.pop("_observers", None)

    def unobserve(self, name: str = "observer") -> None:
        """End what `observe` began."""
        plugin = Plugin(name, DISTRIBUTION, "")
        if self._usable.pop(plugin.key, None):
            self._manager.unregister(name=plugin.key)
        self.__dict__.pop("_observers", None)

    def add_commands(self, app: "typer.Typer") -> None:
        """Let the plugins add commands; a name that is taken or a wrong signature is refused."""
        self._import("cs_sync_commands")
        for plugin, call in self._callers("cs_sync_commands", complete=False):
            try:
                _add_commands(app, call)
            except Exception as error:  # noqa: BLE001 - a stranger's mistake stays his
                self.leave_out(broken(plugin, error))

    def rows(self) -> list[dict[str, str | None]]:
        """One row per connector, per plugin that offers something else, and per broken plugin."""
        offers = [
            (self._owner("cs_sync_sources", name), name, "source") for name in self.sources
        ] + [
            (self._owner("cs_sync_destinations", name), name, "destination")
            for name in self.destinations
        ]
        connecting = {plugin.key for plugin, _, _ in offers}
        failed = {(plugin.distribution, plugin.name) for plugin in self.broken}
        others = [
            (plugin, plugin.name, "extension")
            for plugin in self._usable.values()
            if plugin.key not in connecting
            and plugin.version
            and (plugin.distribution, plugin.name) not in failed
        ]
        rows = [
            _row(name, kind, plugin.distribution, plugin.version, "ok")
            for plugin, name, kind in sorted(offers + others, key=lambda offer: offer[1:])
        ]
        return rows + [
            _row(p.name, None, p.distribution, p.version, f"broken: {p.error} → {p.remedy}")
            for p in self.broken
        ]

    @cached_property
    def _observers(self) -> "list[tuple[Plugin, Callable[..., Any]]]":
        return self._callers("cs_sync_event")

    @cached_property
    def _matchers(self) -> "list[tuple[Plugin, Callable[..., Any]]]":
        return self._callers("cs_sync_match")

    def _by_name(self, hook: str, check: Callable[[Any], str | None]) -> dict[str, Any]:
        """All that plugins offer through a hook; a plugin with a wrong offer offers nothing."""
        found: dict[str, Any] = {}
        self._owners[hook] = {}
        for plugin, call in self._callers(hook):
            try:
                offers = [offer for offered in call() for offer in offered]
                wrong = self._wrong(hook, offers, check)
            except Exception as error:  # noqa: BLE001 - a stranger's mistake stays his
                self.leave_out(broken(plugin, error))
                continue
            if wrong:
                self.leave_out(broken(plugin, *wrong))
                continue
            for offer in offers:
                found[offer.name] = offer
                self._owners[hook][offer.name] = plugin
        return found

    @cached_property
    def _owners(self) -> dict[str, dict[str, Plugin]]:
        return {}

    def _owner(self, hook: str, name: str) -> Plugin:
        return self._owners[hook][name]

    def _wrong(
        self, hook: str, offers: Sequence[Any], check: Callable[[Any], str | None]
    ) -> tuple[str, str] | None:
        """(error, remedy) of the first offer that cannot be taken."""
        what = hook.removeprefix("cs_sync_").removesuffix("s")
        names: set[str] = set()
        for offer in offers:
            problem = check(offer)
            if problem:
                return f"{hook}: {problem}", "correct it as the contract in cs_sync says"
            other = self._owners[hook].get(offer.name)
            if other:
                return (
                    f"{what} {offer.name} is offered by {other} already",
                    f"keep one of the two: pip uninstall {other.distribution}, or rename yours",
                )
            if offer.name in names:
                return f"{what} {offer.name} is offered twice", "rename one of the two"
            names.add(offer.name)
        return None


class _Observer:
    """Gives a plain function the shape of a plugin."""

    def __init__(self, observer: "Callable[[Event], None]") -> None:
        self._observer = observer

    @hookimpl
    def cs_sync_event(self, event: "Event") -> None:
        """Pass it on."""
        self._observer(event)


def _add_commands(app: "typer.Typer", call: Callable[..., Any]) -> None:
    """Try the commands on an application of their own before they join ours."""
    import typer

    theirs = typer.Typer()
    call(app=theirs)
    named = set(typer.main.get_group(theirs).commands)  # building them checks their signatures
    taken = named & set(typer.main.get_group(app).commands)
    if taken:
        raise ValueError(f"the command {', '.join(sorted(taken))} exists already")
    app.registered_commands += theirs.registered_commands
    app.registered_groups += theirs.registered_groups


def _row(
    name: str, kind: str | None, distribution: str, version: str, status: str
) -> dict[str, str | None]:
    return {
        "name": name,
        "kind": kind,
        "distribution": distribution,
        "version": version,
        "status": status,
    }
