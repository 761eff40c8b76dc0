"""Plugins are found as real distributions, and a broken one never stops another."""

import importlib
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path
from textwrap import dedent

import pytest
import typer

from cs_sync import ConfigError, Event
from cs_sync.contracts.source import get_title
from cs_sync.metrics.registry import list_builtin_metrics
from cs_sync.plugins import BrokenPlugin, PluginRegistry, load_plugins
from cs_sync.runtime.workspace import NoRequests
from cs_sync_schemas import SourceAccount

GOOD = """
from cs_sync import ConnectorConfig, hookimpl

class Config(ConnectorConfig):
    base_url: str = "https://api.example.com"

class Source:
    name = "{name}"
    Config = Config
    limits = ()
    concurrency = 1
    def __init__(self, config, http): ...
    def streams(self): return ()
    def check(self): return iter(())

@hookimpl
def cs_sync_sources():
    return [Source]
"""

Install = Callable[..., None]
Load = Callable[..., PluginRegistry]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a distribution with one module and one entry point on the path."""
    monkeypatch.syspath_prepend(str(tmp_path))
    modules: list[str] = []

    def put(name: str, code: str, version: str = "1.2.3", distribution: str = "") -> None:
        distribution = distribution or f"acme-{name}"
        module = f"{distribution}_plugin".replace("-", "_")
        modules.append(module)
        (tmp_path / f"{module}.py").write_text(dedent(code))
        info = tmp_path / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        )
        (info / "entry_points.txt").write_text(f"[cs_sync]\n{name} = {module}\n")
        importlib.invalidate_caches()

    yield put
    for module in modules:
        sys.modules.pop(module, None)


@pytest.fixture(scope="module")
def others() -> set[str]:
    """The distributions that are installed in this environment."""
    return {point.dist.name for point in entry_points(group="cs_sync") if point.dist}


@pytest.fixture
def load(others: set[str]) -> Load:
    """Load only what a test installed: whatever else lives in this environment is disabled."""

    def run(disabled: tuple[str, ...] = ()) -> PluginRegistry:
        return load_plugins({*others, *disabled}, report=lambda plugin: None)

    return run


def only(plugins: PluginRegistry) -> BrokenPlugin:
    (broken,) = plugins.broken
    return broken


def test_a_good_plugin_offers_its_connector(install: Install, load: Load) -> None:
    install("pigeon", GOOD.format(name="pigeon"))
    plugins = load()
    assert list(plugins.sources) == ["pigeon"]
    assert plugins.broken == []
    assert plugins.rows() == [
        {
            "name": "pigeon",
            "kind": "source",
            "distribution": "acme-pigeon",
            "version": "1.2.3",
            "status": "ok",
        }
    ]


def test_a_disabled_plugin_is_not_imported(install: Install, load: Load) -> None:
    install("pigeon", "raise RuntimeError('imported')")
    assert load(("pigeon",)).rows() == []
    assert load(("acme-pigeon",)).rows() == []
    assert [row["name"] for row in load().rows()] == ["pigeon"]


def test_only_plugins_with_commands_are_imported_for_the_help_page(
    install: Install, load: Load
) -> None:
    install("pigeon", GOOD.format(name="pigeon"))
    install("sing", "from cs_sync import hookimpl\n@hookimpl\ndef cs_sync_commands(app): ...")
    plugins = load()
    plugins.add_commands(typer.Typer())
    assert "acme_sing_plugin" in sys.modules
    assert "acme_pigeon_plugin" not in sys.modules
    assert list(plugins.sources) == ["pigeon"]


@pytest.mark.parametrize(
    ("code", "error", "remedy"),
    [
        ("raise RuntimeError('boom')", "RuntimeError: boom", "pip install --upgrade acme-bad"),
        ("import nowhere_to_be_found", "No module named", "nowhere_to_be_found is missing"),
        ("raise SystemExit(3)", "SystemExit: 3", "pip uninstall acme-bad"),
        ("def (:", "SyntaxError", "pip install --upgrade acme-bad"),
        ("", "it has no hook", "@cs_sync.hookimpl"),
        (
            "from cs_sync import hookimpl\n@hookimpl\ndef cs_sync_source(): return []",
            "cs-sync has no hook cs_sync_source",
            "did you mean cs_sync_sources?",
        ),
        (
            "from cs_sync import hookimpl\n@hookimpl\ndef cs_sync_event(happening): ...",
            "'happening'",
            "correct the hook",
        ),
        ("def cs_sync_sources(): return []", "is not marked", "put @cs_sync.hookimpl above it"),
    ],
)
def test_a_plugin_that_cannot_load_is_named_and_the_others_go_on(
    install: Install, load: Load, code: str, error: str, remedy: str
) -> None:
    install("bad", code, version="9.8")
    install("pigeon", GOOD.format(name="pigeon"))
    plugins = load()
    assert list(plugins.sources) == ["pigeon"]
    actual = only(plugins)
    assert (actual.name, actual.distribution, actual.version) == ("bad", "acme-bad", "9.8")
    assert error in actual.error
    assert remedy in actual.remedy
    assert [row["status"] == "ok" for row in plugins.rows()] == [True, False]


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("concurrency = 1", "concurrency = -1", "concurrency must be a whole number"),
        ("concurrency = 1", "concurrency = 1; precedence = 'a'", "precedence must be a whole"),
        ("limits = ()", "limits = 3", "limits must be a list"),
        ("def check", "def look", "has no method check"),
        ("class Config(ConnectorConfig)", "class Config(object)", "Config must be a subclass"),
        ('name = "bad"', 'name = "Bad One"', "lower-case"),
        ("return [Source]", "return [Source(None, None)]", "is not a class"),
        ("return [Source]", "return [Source, Source]", "offered twice"),
        ("return [Source]", "return 1 / 0", "ZeroDivisionError"),
    ],
)
def test_an_offer_that_breaks_the_contract_is_left_out(
    install: Install, load: Load, old: str, new: str, error: str
) -> None:
    code = GOOD.format(name="bad")
    assert old in code
    install("bad", code.replace(old, new))
    install("pigeon", GOOD.format(name="pigeon"))
    plugins = load()
    assert list(plugins.sources) == ["pigeon"]
    assert error in only(plugins).error
    assert [row["name"] for row in plugins.rows()] == ["pigeon", "bad"]


def test_the_second_connector_of_a_name_is_refused(install: Install, load: Load) -> None:
    install("first", GOOD.format(name="pigeon"))
    install("second", GOOD.format(name="pigeon"))
    plugins = load()
    assert plugins.sources["pigeon"].__module__ == "acme_first_plugin"
    assert only(plugins).error == ("source pigeon is offered by first (acme-first 1.2.3) already")
    assert "pip uninstall acme-first" in only(plugins).remedy


def test_an_observer_that_raises_is_reported_once_and_ignored(install: Install, load: Load) -> None:
    install(
        "noisy",
        """
        from cs_sync import hookimpl
        calls = []
        @hookimpl
        def cs_sync_event(event):
            calls.append(event)
            raise ValueError("not today")
        """,
    )
    plugins = load()
    heard: list[Event] = []
    plugins.add_observer(heard.append)
    for _ in range(3):
        plugins.emit(Event("page_stored", at=datetime(2026, 1, 1, tzinfo=UTC)))
    assert len(heard) == 3
    assert len(sys.modules["acme_noisy_plugin"].calls) == 1
    assert only(plugins).error == "ValueError: not today"
    assert [row["status"] == "ok" for row in plugins.rows()] == [False]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("app.nothing()", "AttributeError"),
        ("def f(where: int | str): ...\n    app.command('dance')(f)", "Union types"),
        ("app.command('sync')(lambda: None)", "the command sync exists already"),
    ],
)
def test_commands_are_added_and_a_failing_plugin_is_named(
    install: Install, load: Load, body: str, error: str
) -> None:
    hook = "from cs_sync import hookimpl\n@hookimpl\ndef cs_sync_commands(app):\n    "
    install("bad", hook + body)
    install("sing", f"{hook}app.command('sing')(lambda: None)\n")
    app = typer.Typer()
    app.command("sync")(lambda: None)
    plugins = load()
    plugins.add_commands(app)
    assert [command.name for command in app.registered_commands] == ["sync", "sing"]
    assert only(plugins).name == "bad"
    assert error in only(plugins).error
    assert plugins.rows()[0]["kind"] == "extension"


def test_a_vault_answers_and_its_failure_never_quotes_the_secret(
    install: Install, load: Load
) -> None:
    install(
        "vault",
        """
        from cs_sync import hookimpl
        @hookimpl
        def cs_sync_secret(scheme, reference):
            if reference == "down":
                raise RuntimeError("canary-7731")
            return "opened" if scheme == "vault" else None
        """,
    )
    plugins = load()
    assert plugins.has_vault
    assert plugins.resolve_secret("vault", "a") == "opened"
    assert plugins.resolve_secret("safe", "a") is None
    with pytest.raises(Exception, match="could not read vault:down") as caught:
        plugins.resolve_secret("vault", "down")
    assert "canary-7731" not in str(caught.value)


def test_a_source_and_a_destination_of_one_name_share_their_settings(
    install: Install, load: Load
) -> None:
    writes = """
    addresses = "records"
    def prepare(self, fields): ...
    def write(self, ops): ...
    def find(self, keys): ...
"""
    code = GOOD.format(name="crm").replace("    def streams", f"{writes}    def streams")
    both = f"{code}\n@hookimpl\ndef cs_sync_destinations():\n    return [Destination]\n"
    shared = both.replace("@hookimpl", "class Destination(Source): pass\n\n@hookimpl", 1)
    install("crm", shared)
    plugins = load()
    assert [row["kind"] for row in plugins.rows()] == ["destination", "source"]
    other = shared.replace("(Source): pass", "(Source):\n    class Config(Config): pass")
    install("odd", other.replace('"crm"', '"odd"'))
    plugins = load()
    assert sorted(plugins.destinations) == ["crm"]
    assert "must have the same Config" in only(plugins).error


def test_whether_a_connector_is_read_is_known_from_the_plugin_of_its_name(
    install: Install, load: Load
) -> None:
    """Each command that writes asks it of the destination; the other plugins are not imported."""
    code = GOOD.format(name="letter").replace("cs_sync_sources", "cs_sync_destinations")
    install("letter", code)
    install("pigeon", GOOD.format(name="pigeon"))
    plugins = load()
    assert plugins.find_source("letter") is None
    assert plugins.find_destination("letter") is not None
    assert plugins.find_destination("pigeon") is None
    assert plugins.find_source("pigeon") is not None
    assert not {"sources", "destinations"} & set(vars(plugins))


def test_a_destination_must_say_how_it_addresses_accounts(install: Install, load: Load) -> None:
    code = GOOD.format(name="crm").replace("cs_sync_sources", "cs_sync_destinations")
    writes = "    def prepare(self, fields): ...\n    def write(self, ops): ...\n"
    code = code.replace(
        "    def streams", f"{writes}    def find(self, keys): ...\n    def streams"
    )
    install("crm", code)
    plugins = load()
    assert plugins.destinations == {}
    assert "addresses must be 'records' or 'accounts'" in only(plugins).error


def test_a_matcher_that_raises_leaves_the_decision_to_the_rules(
    install: Install, load: Load
) -> None:
    code = """
    from cs_sync import hookimpl
    @hookimpl
    def cs_sync_match(record):
        return {body}
    """
    install("bad", code.format(body="1 / 0"))
    install("good", code.format(body="'acct_' + record.source_id"))
    plugins = load()
    assert plugins.has_matcher
    at = datetime(2026, 1, 1, tzinfo=UTC)
    record = SourceAccount(
        source="crm", source_id="7", first_seen_at=at, last_seen_at=at, changed_at=at, row_hash="x"
    )
    assert plugins.match(record) == "acct_7"
    assert plugins.match(record) == "acct_7"
    assert only(plugins).error == "ZeroDivisionError: division by zero"


def test_a_metric_of_ours_cannot_be_replaced(install: Install, load: Load) -> None:
    code = """
    import dataclasses
    from cs_sync import hookimpl
    from cs_sync.metrics.registry import list_builtin_metrics
    @hookimpl
    def cs_sync_metrics():
        return [dataclasses.replace(list_builtin_metrics()[0], name="{name}")]
    """
    ours = list_builtin_metrics()[0].name
    install("copy", code.format(name=ours))
    install("more", code.format(name="logo_colour"))
    plugins = load()
    assert list(plugins.metrics) == ["logo_colour"]
    assert only(plugins).error == f"cs_sync_metrics: metric {ours} comes with cs-sync already"


@pytest.mark.parametrize(
    ("name", "more", "error"),
    [
        ("tickets_30", "", "signal tickets_30 comes with cs-sync already"),
        ("feature", "", "signal feature comes with cs-sync already"),
        ("Calls: 30", "", "'Calls: 30' must be lower-case letters, digits and _"),
        ("calls_30", ", title=''", "signal calls_30 has no title"),
        ("calls_30", ", records=()", "signal calls_30 has no records"),
        (
            "calls_30",
            ", records=('ticket',)",
            "the records of signal calls_30 are tables, such as cs_sync_schemas.tables.TICKET",
        ),
    ],
)
def test_a_signal_that_cannot_be_used_is_refused(
    install: Install, load: Load, name: str, more: str, error: str
) -> None:
    code = """
    from cs_sync import Signal, hookimpl
    from cs_sync_schemas.tables import TICKET
    facts = dict(records=(TICKET,), title="Calls", absence="No calls")
    @hookimpl
    def cs_sync_signals():
        return [Signal("{name}", lambda scope: None, **(facts | dict({more})))]
    """
    install("copy", code.format(name=name, more=more.removeprefix(", ")))
    install("more", code.format(name="calls_90", more=""))
    plugins = load()
    assert list(plugins.signals) == ["calls_90"]
    assert only(plugins).error == f"cs_sync_signals: {error}"


def test_a_playbook_of_a_plugin_joins_ours_unless_its_name_is_taken(
    install: Install, load: Load
) -> None:
    code = """
    from cs_sync import hookimpl
    from cs_sync.follow_ups import Playbook
    @hookimpl
    def cs_sync_playbooks():
        return [Playbook("{name}", "Say thanks", "After a good answer.", lambda view, set: [])]
    """
    install("copy", code.format(name="detractor_call"))
    install("more", code.format(name="thanks"))
    plugins = load()
    assert list(plugins.playbooks) == ["thanks"]
    assert "playbook detractor_call comes with cs-sync already" in only(plugins).error


def test_a_connector_is_named_as_people_write_it() -> None:
    class Titled:
        title = "PostHog"

    assert get_title(Titled, "posthog") == "PostHog"
    assert get_title(object, "files") == "files"


def test_a_source_that_declares_no_requests_makes_none() -> None:
    client = NoRequests("pigeon")
    with client.count_requests("letters") as cost:
        assert (cost.requests, cost.waited_seconds, cost.failure) == (0, 0.0, None)
    with pytest.raises(ConfigError, match="pigeon declares no concurrency"):
        client.at("https://pigeon.example")
