"""Our distributions have names of their own, and nobody is sent to somebody else's package."""

import re
import tomllib
from pathlib import Path

import pytest

from cs_sync.cli.main import main
from cs_sync.contracts.errors import ConfigError
from cs_sync.plugins.distributions import (
    CONNECTORS,
    DISTRIBUTION,
    how_to_install,
    refuse_foreign_package,
)
from tests.plugin_lists import PYPROJECT, fill_lists, list_plugins

ROOT = Path(__file__).parent.parent
MANIFESTS = [path for depth in ("", "*/", "*/*/") for path in ROOT.glob(f"{depth}pyproject.toml")]


def test_the_lists_of_the_project_name_every_plugin() -> None:
    text = PYPROJECT.read_text("utf-8")
    assert fill_lists(text, list_plugins()) == text, "run make plugin-lists"
    grown = fill_lists(text, [*list_plugins(), "zuora"])
    assert grown.count("zuora") == 2 + 2 + 1 + 4, "extra, paths of mypy, contracts"


def _install(folder: Path, name: str, version: str, requires: str = "") -> None:
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {requires}"] * bool(requires)
    (info / "METADATA").write_text("\n".join(lines) + "\n")


def test_every_distribution_and_what_it_needs_of_ours_has_our_name() -> None:
    for path in MANIFESTS:
        project = tomllib.loads(path.read_text())["project"]
        extras = project.get("optional-dependencies", {})
        assert project["name"].startswith(DISTRIBUTION), path
        required = [
            *project["dependencies"],
            *(name for extra in extras.values() for name in extra),
        ]
        assert not [name for name in required if re.match(r"cs[-_]sync", name)], path


def test_our_distributions_go_with_each_others_minor_version() -> None:
    """A plugin of another minor version may call what is not there any more."""
    for path in MANIFESTS:
        project = tomllib.loads(path.read_text())["project"]
        major, minor, _ = map(int, project["version"].split("."))
        extras = project.get("optional-dependencies", {}).values()
        required = [name for names in (project["dependencies"], *extras) for name in names]
        ours = [name for name in required if name.startswith(DISTRIBUTION)]
        bounds = f">={major}.{minor},<{major}.{minor + 1}"
        assert [name for name in ours if not name.endswith(bounds)] == [], path


def test_each_connector_that_is_offered_is_an_extra_of_the_host() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    for name in CONNECTORS:
        (required,) = extras[name]
        assert required.partition(">")[0] == f"{DISTRIBUTION}-{name}"
        assert (ROOT / "plugins" / name).is_dir()
    connect_nothing = {"airflow", "dagster", "otel"}
    assert set(CONNECTORS) == set(list_plugins()) - connect_nothing, "name the new plugin in one"


def test_no_file_tells_people_to_install_another_projects_package() -> None:
    suffixes = {".md", ".py", ".toml", ".yml", ".yaml", ".html", ".txt", ".service", ".cfg"}
    shown = [
        path
        for folder in ("cs_sync", "plugins", "schemas", "docs", "examples")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in suffixes and "node_modules" not in path.parts
    ]
    wrong = re.compile(
        r"pip install[^\n]*[ '\"]cs[-_]sync\b|cs-sync\[|requires?[^\n]*[\"']cs-sync[\"']"
    )
    assert [path for path in [*shown, ROOT / "README.md"] if wrong.search(path.read_text())] == []


def test_an_unknown_connector_is_answered_with_the_known_ones() -> None:
    assert how_to_install("stripe") == 'pip install "customer-success-sync[stripe]"'
    remedy = how_to_install("nope")
    assert "pip install" not in remedy
    assert all(name in remedy for name in CONNECTORS)


def test_another_projects_package_beside_ours_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse_foreign_package()
    _install(tmp_path, "cs-sync", "0.9")
    _install(tmp_path, "acme-plugin", "2", "Cs_Sync[extra]>=0.5; python_version > '3'")
    _install(tmp_path, "cs-sync-tools", "1", "cs-synchrony")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match=r"cs-sync 0\.9 .* \(required by acme-plugin\)") as caught:
        refuse_foreign_package()
    assert "pip uninstall cs-sync acme-plugin;" in caught.value.remedy
    assert main(["connectors"]) == 2
    assert (
        "pip install --force-reinstall --no-deps customer-success-sync" in capsys.readouterr().err
    )
