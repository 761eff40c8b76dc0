"""The offers of the installed plugins: read on first use, each in isolation."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cs_sync.contracts.errors import ConfigError
from cs_sync.contracts.hookspecs import hookimpl
from cs_sync.plugins.distributions import DISTRIBUTION
from cs_sync.plugins.plugin import Plugin, describe_broken_plugin
from cs_sync.plugins.registration import PluginLoader

if TYPE_CHECKING:  # the help page of the command line starts without the schema
    import typer

    from cs_sync.contracts.destination import Destination
    from cs_sync.contracts.events import Event
    from cs_sync.contracts.source import ConnectorConfig, Source
    from cs_sync.follow_ups.playbook import Playbook
    from cs_sync.health.signals.registry import Signal
    from cs_sync.metrics.metric import Metric
    from cs_sync_schemas import SourceAccount


class PluginRegistry(PluginLoader):
    """The usable plugins and their offers by name.

    `hook` is pluggy's relay for calls to all of them at once (not isolated); the methods
    below isolate each plugin and add failing ones to `broken`. Plugins are imported on
    first use; for the help page only those with commands.
    """

    _read_settings: Callable[[str], Mapping[str, Any]] = staticmethod(lambda _name: {})

    @cached_property
    def _settings(self) -> dict[str, Mapping[str, Any]]:
        return {}

    @cached_property
    def sources(self) -> "dict[str, type[Source]]":
        """Connectors that read, by name."""
        from cs_sync.plugins.offer_validation import validate_source

        return self._collect_offers("cs_sync_sources", validate_source)

    @cached_property
    def destinations(self) -> "dict[str, type[Destination]]":
        """Connectors that write, by name."""
        from cs_sync.plugins.offer_validation import validate_destination

        sources = self.sources
        return self._collect_offers(
            "cs_sync_destinations", lambda offer: validate_destination(offer, sources)
        )

    @cached_property
    def metrics(self) -> "dict[str, Metric]":
        """Plugins' metrics, by name."""
        from cs_sync.plugins.offer_validation import validate_metric

        return self._collect_offers("cs_sync_metrics", validate_metric)

    @cached_property
    def playbooks(self) -> "dict[str, Playbook]":
        """Plugins' playbooks, by name."""
        from cs_sync.plugins.offer_validation import validate_playbook

        return self._collect_offers("cs_sync_playbooks", validate_playbook)

    @cached_property
    def signals(self) -> "dict[str, Signal]":
        """Plugins' health signals, by name."""
        from cs_sync.plugins.offer_validation import validate_signal

        return self._collect_offers("cs_sync_signals", validate_signal)

    def find_connector(self, connector: str) -> "type[Source] | type[Destination] | None":
        """Return a connector, one that reads first; None without any."""
        namesake: type[Source] | type[Destination] | None = self._find_namesake(
            "cs_sync_sources", connector
        ) or self._find_namesake("cs_sync_destinations", connector)
        return namesake or self.sources.get(connector) or self.destinations.get(connector)

    def find_config_class(self, connector: str) -> "type[ConnectorConfig] | None":
        """Return a connector's configuration class; None if no plugin offers it."""
        connector_class = self.find_connector(connector)
        return connector_class.Config if connector_class else None

    def find_source(self, connector: str) -> "type[Source] | None":
        """Return a connector that reads; None if no plugin offers it."""
        source: type[Source] | None = self._find_namesake("cs_sync_sources", connector)
        if source or self._find_namesake("cs_sync_destinations", connector):
            return source
        return self.sources.get(connector)

    def find_destination(self, connector: str) -> "type[Destination] | None":
        """Return a connector that writes; None if no plugin offers it."""
        destination: type[Destination] | None
        destination = self._find_namesake("cs_sync_destinations", connector)
        if destination or self._find_namesake("cs_sync_sources", connector):
            return destination
        return self.destinations.get(connector)

    def _find_namesake(self, hook: str, connector: str) -> Any:
        """Find the valid offer of the plugin with the connector's name.

        So the connectors that are not configured need not be imported: such a plugin offers both
        what reads and what writes, as the two have one section. Whatever is wrong is reported when
        the offers of all plugins are collected.
        """
        from cs_sync.plugins.offer_validation import validate_connector

        for plugin, call in self._hook_callers(hook):
            if plugin.name == connector:
                with suppress(Exception):
                    for offer in (offer for offered in call() for offer in offered):
                        if offer.name == connector and not validate_connector(offer):
                            return offer
        return None

    def resolve_secret(self, scheme: str, reference: str) -> str | None:
        """Return the secret for `scheme:reference` from the first plugin with it.

        None if no plugin has it.

        Raises:
            ConfigError: A vault's plugin failed; the message never quotes the failure's text.
        """
        for plugin, call in self._hook_callers("cs_sync_secret"):
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
        return bool(self._hook_callers("cs_sync_secret"))

    def match(self, record: "SourceAccount") -> str | None:
        """Return the account that a plugin assigns to this record.

        A plugin that raises is not called again.
        """
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
        """Whether any plugin overrides the matching of accounts."""
        return bool(self._matchers)

    def emit(self, event: "Event") -> None:
        """Pass an event to every observer; skip one that has raised."""
        for plugin, call in self._observers:
            if plugin.key in self._muted:
                continue
            try:
                call(event=event, settings=self._find_settings(plugin))
            except Exception as error:  # noqa: BLE001 - an observer must not stop the work
                self._mute(plugin, error)

    def configure(self, read_settings: Callable[[str], Mapping[str, Any]]) -> None:
        """Let the observers have their settings, read when they are first needed.

        Args:
            read_settings: Returns a plugin's settings by its name, references resolved.
        """
        self._read_settings = read_settings
        self._settings.clear()

    def _find_settings(self, plugin: Plugin) -> Mapping[str, Any]:
        if plugin.name not in self._settings:
            self._settings[plugin.name] = self._read_settings(plugin.name)
        return self._settings[plugin.name]

    def add_observer(self, observer: "Callable[[Event], None]", name: str = "observer") -> None:
        """Register a function of the host as an observer, isolated like plugins."""
        self.register(Plugin(name, DISTRIBUTION, ""), _ObserverPlugin(observer))
        self.__dict__.pop("_observers", None)

    def remove_observer(self, name: str = "observer") -> None:
        """Remove an observer added by `observe`."""
        plugin = Plugin(name, DISTRIBUTION, "")
        if self._usable.pop(plugin.key, None):
            self._manager.unregister(name=plugin.key)
        self.__dict__.pop("_observers", None)

    def add_commands(self, app: "typer.Typer") -> None:
        """Let plugins add commands; taken names and wrong signatures are refused."""
        self._import_plugins("cs_sync_commands")
        for plugin, call in self._hook_callers("cs_sync_commands", complete=False):
            try:
                _add_commands(app, call)
            except Exception as error:  # noqa: BLE001 - a stranger's mistake stays his
                self.exclude_plugin(describe_broken_plugin(plugin, error))

    def rows(self) -> list[dict[str, str | None]]:
        """Return one row per connector, per other plugin, and per broken plugin."""
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
            _build_row(name, kind, plugin.distribution, plugin.version, "ok")
            for plugin, name, kind in sorted(offers + others, key=lambda offer: offer[1:])
        ]
        return rows + [
            _build_row(p.name, None, p.distribution, p.version, f"broken: {p.error} → {p.remedy}")
            for p in self.broken
        ]

    @cached_property
    def _observers(self) -> "list[tuple[Plugin, Callable[..., Any]]]":
        return self._hook_callers("cs_sync_event")

    @cached_property
    def _matchers(self) -> "list[tuple[Plugin, Callable[..., Any]]]":
        return self._hook_callers("cs_sync_match")

    def _collect_offers(self, hook: str, check: Callable[[Any], str | None]) -> dict[str, Any]:
        """Return a hook's offers by name; one invalid excludes its plugin's."""
        offers_by_name: dict[str, Any] = {}
        self._owners[hook] = {}
        for plugin, call in self._hook_callers(hook):
            try:
                offers = [offer for offered in call() for offer in offered]
                wrong = self._find_invalid_offer(hook, offers, check)
            except Exception as error:  # noqa: BLE001 - a stranger's mistake stays his
                self.exclude_plugin(describe_broken_plugin(plugin, error))
                continue
            if wrong:
                self.exclude_plugin(describe_broken_plugin(plugin, *wrong))
                continue
            for offer in offers:
                offers_by_name[offer.name] = offer
                self._owners[hook][offer.name] = plugin
        return offers_by_name

    @cached_property
    def _owners(self) -> dict[str, dict[str, Plugin]]:
        return {}

    def _owner(self, hook: str, name: str) -> Plugin:
        return self._owners[hook][name]

    def _find_invalid_offer(
        self, hook: str, offers: Sequence[Any], check: Callable[[Any], str | None]
    ) -> tuple[str, str] | None:
        """Find the first invalid offer as (error, remedy).

        None if all are valid.
        """
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


class _ObserverPlugin:
    """A plain function as a plugin."""

    def __init__(self, observer: "Callable[[Event], None]") -> None:
        self._observer = observer

    @hookimpl
    def cs_sync_event(self, event: "Event") -> None:
        """Pass the event to the function."""
        self._observer(event)


def _add_commands(app: "typer.Typer", call: Callable[..., Any]) -> None:
    """Validate a plugin's commands apart, then add them to ours."""
    import typer

    plugin_app = typer.Typer()
    call(app=plugin_app)
    named = set(typer.main.get_group(plugin_app).commands)  # building them checks their signatures
    taken = named & set(typer.main.get_group(app).commands)
    if taken:
        raise ValueError(f"the command {', '.join(sorted(taken))} exists already")
    app.registered_commands += plugin_app.registered_commands
    app.registered_groups += plugin_app.registered_groups


def _build_row(
    name: str, kind: str | None, distribution: str, version: str, status: str
) -> dict[str, str | None]:
    return {
        "name": name,
        "kind": kind,
        "distribution": distribution,
        "version": version,
        "status": status,
    }
