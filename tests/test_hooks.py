"""Every hook has a page with an example, and the example does what the page says."""

import ast
import hashlib
import importlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy
import pytest

from cs_sync.cli.reference.interface import GUIDES
from cs_sync.contracts.hookspecs import PROJECT, HookSpecs
from cs_sync.plugins import Plugin, PluginRegistry
from cs_sync.plugins.hook_validation import HOOK_NAMES
from cs_sync.queries.kept_results import digest_plugin_code
from tests.jobs.road import CONFIG, Place, small_company

DOCS = Path(__file__).parents[1] / "docs"
PUBLIC = {"cs_sync", "cs_sync_schemas", "cs_sync_pebble", "pydantic", "sqlalchemy", "orjson"}
Reach = Callable[[Place, ModuleType], None]


def find_example(hook: str) -> str:
    """Return the block of the hook's page that implements it."""
    text = (DOCS / GUIDES[hook]).read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    [example] = [block for block in blocks if f"def {hook}(" in block]
    return str(example)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return small_company(tmp_path)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Install the example of a hook as a distribution of its own."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def put(hook: str) -> ModuleType:
        (site / "acme_page.py").write_text(find_example(hook), encoding="utf-8")
        info = site / "acme_page-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-page\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[cs_sync]\ndiary = acme_page\n")
        importlib.invalidate_caches()
        return importlib.import_module("acme_page")

    yield put
    sys.modules.pop("acme_page", None)


def register(module: ModuleType) -> PluginRegistry:
    """Return a registry of the example alone."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(HookSpecs)
    plugins = PluginRegistry(manager, lambda broken: pytest.fail(str(broken)))
    plugins.register(Plugin("page", "acme-page", "1.0"), module)
    return plugins


def reach_sources(_place: Place, module: ModuleType) -> None:
    assert list(register(module).sources) == ["pebble"]


def reach_destinations(_place: Place, module: ModuleType) -> None:
    """That it works is tested by the kit, in tests/testing/test_page_destination.py."""
    assert list(register(module).destinations) == ["board"]


def reach_metrics(place: Place, _module: ModuleType) -> None:
    assert place.run("sync").code == 0
    by_month = ("--since", "2026-02-01", "--until", "2026-03-01", "--grain", "month")
    [row] = place.json("metrics", "--metric", "urgent_ticket_rate", *by_month)
    assert (row["numerator"], row["denominator"], row["value"]) == (1, 2, 0.5)


def reach_signals(place: Place, module: ModuleType) -> None:
    """One urgent ticket of Alpha in thirty days: two thirds of the points, and a reason."""
    settings = 'signal = "urgent_tickets_30"\n    points = [[0, 100], [3, 0]]\n'
    place.configure(f"{CONFIG}\n    [health.inputs.support]\n    weight = 20\n    {settings}")
    assert place.run("sync").code == 0
    source = Path(str(module.__file__)).read_bytes()
    assert digest_plugin_code("urgent_tickets_30") == hashlib.sha256(source).hexdigest()
    assert digest_plugin_code("feature:export") == digest_plugin_code("nps") == ""
    rows = {row["account"]: row for row in place.json("score")}
    parts = {c["input"]: c for c in rows["alpha"]["contributions"]}
    assert parts["support"]["value"] == 1
    assert parts["support"]["points"] == pytest.approx(200 / 3, abs=0.01)
    assert "1 urgent tickets in the last 30 days" in rows["alpha"]["reasons"]
    wrong = settings.replace("[[0, 100], [3, 0]]", "[[0, 0], [3, 100]]")
    place.configure(f"{CONFIG}\n    [health.inputs.support]\n    weight = 20\n    {wrong}")
    assert "less of it is better" in place.run("score").messages


def reach_playbooks(place: Place, _module: ModuleType) -> None:
    assert "anniversary" in {row["playbook"] for row in place.json("playbooks")}


def reach_match(place: Place, module: ModuleType) -> None:
    """The page's rule is for another source; a record of it gets the account of the page."""
    code = find_example("cs_sync_match").replace('"zendesk"', '"files"')
    Path(str(module.__file__)).write_text(code.replace('"customer_number"', '"plan"'))
    sys.modules.pop("acme_page")
    assert place.run("sync").code == 0
    linked = place.select("SELECT DISTINCT account_id, rule FROM account_link ORDER BY 1")
    assert linked == [
        {"account_id": "acct_solo", "rule": "override"},
        {"account_id": "acct_team", "rule": "override"},
    ]


def reach_secret(place: Place, module: ModuleType) -> None:
    safe = place.path / "safe"
    safe.mkdir()
    (safe / "url").write_text("sqlite:///elsewhere.db\n")
    code = find_example("cs_sync_secret").replace("/run/safe", str(safe))
    Path(str(module.__file__)).write_text(code)
    sys.modules.pop("acme_page")
    plugins = register(importlib.import_module("acme_page"))
    assert plugins.resolve_secret("safe", "url") == "sqlite:///elsewhere.db"
    assert plugins.resolve_secret("vault", "url") is None


def reach_event(place: Place, _module: ModuleType) -> None:
    diary = place.path / "diary.txt"
    place.configure(f'{CONFIG}\n    [plugins.diary]\n    path = "{diary}"\n')
    assert place.run("sync").code == 0
    stored = sum(len(rows) for rows in place.records().values())
    assert diary.read_text() == f"2026-03-10 08:00 ok: {stored} changed, 0 rejected\n"


def reach_commands(place: Place, _module: ModuleType) -> None:
    assert place.run("greet", "--name", "Ada").out == "Hello, Ada!\n"


REACHED: Mapping[str, Reach] = {
    "cs_sync_sources": reach_sources,
    "cs_sync_destinations": reach_destinations,
    "cs_sync_metrics": reach_metrics,
    "cs_sync_signals": reach_signals,
    "cs_sync_playbooks": reach_playbooks,
    "cs_sync_match": reach_match,
    "cs_sync_secret": reach_secret,
    "cs_sync_event": reach_event,
    "cs_sync_commands": reach_commands,
}


def test_every_hook_has_a_page_and_is_reached() -> None:
    assert set(HOOK_NAMES) == set(GUIDES) == set(REACHED)


@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_an_example_needs_public_names_only(hook: str) -> None:
    for node in ast.walk(ast.parse(find_example(hook))):
        if isinstance(node, ast.ImportFrom):
            package, _, inner = str(node.module).partition(".")
            assert package in PUBLIC | sys.stdlib_module_names, node.module
            assert not inner or package != "cs_sync", node.module


@pytest.mark.slow("runs whole commands")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_the_example_of_a_hook_does_what_its_page_says(
    hook: str, place: Place, install: Callable[[str], ModuleType]
) -> None:
    if hook in ("cs_sync_metrics", "cs_sync_signals"):
        tickets = (place.path / "data" / "tickets.csv").read_text().splitlines()
        head, *rows = [f"{line},{end}" for line, end in zip(tickets, WITH_PRIORITY, strict=True)]
        place.write("data/tickets.csv", "\n".join([head, *rows]))
    REACHED[hook](place, install(hook))


WITH_PRIORITY = ("priority", "low", "low", "urgent")


def test_a_missing_reference_of_a_plugin_is_named_and_the_run_goes_on(
    place: Place, install: Callable[[str], ModuleType]
) -> None:
    install("cs_sync_event")
    place.configure(f'{CONFIG}\n    [plugins.diary]\n    path = "env:NOBODY_SETS_THIS"\n')
    assert place.run("sync").code == 0
    assert "environment variable NOBODY_SETS_THIS is not set" in place.ran[-1].messages


def test_a_table_of_no_plugin_is_a_mistake(
    place: Place, install: Callable[[str], ModuleType]
) -> None:
    install("cs_sync_event")
    place.configure(f'{CONFIG}\n    [plugins.dairy]\n    path = "x"\n')
    ran = place.run("sync")
    assert ran.code == 2
    assert "plugins.dairy: there is no such plugin" in ran.messages
    assert "did you mean diary?" in ran.messages


@pytest.mark.parametrize(
    "command", ["sync", pytest.param("run", marks=pytest.mark.slow("scores and reports, too"))]
)
def test_the_page_of_events_has_what_a_run_says(
    command: str, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each event of a run is in the table, with every part of its detail."""
    text = (DOCS / GUIDES["cs_sync_event"]).read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|(.*)\|$", text, re.MULTILINE)
    documented = {name: set(re.findall(r"\w+", rest)) for name, rest in rows}
    heard: list[Any] = []
    emit = PluginRegistry.emit

    def hear(plugins: PluginRegistry, event: Any) -> None:
        heard.append(event)
        emit(plugins, event)

    monkeypatch.setattr(PluginRegistry, "emit", hear)
    assert place.run(command).code == 0
    assert {"run_started", "run_ended", "page_stored", "step_ended"} <= {e.name for e in heard}
    for event in heard:
        assert set(event.detail) <= documented[event.name], event
        if event.name == "run_ended":
            assert set(event.detail["writes"]) <= documented["run_ended"]
