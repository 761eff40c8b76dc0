"""A scaffolded connector: its tests pass at once, and nothing of the template's name is left."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from cs_sync.cli import main
from cs_sync.contracts.errors import ConfigError
from cs_sync.scaffold import PYTHON, REST, create_connector
from cs_sync.scaffold.connector import Template, find_template

pytestmark = pytest.mark.slow("runs the tests of a new package")


@pytest.fixture(scope="module", params=[PYTHON, REST], ids=lambda template: template.name)
def template(request: pytest.FixtureRequest) -> Template:
    chosen: Template = request.param
    return chosen


@pytest.fixture(scope="module")
def made(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return create_connector("acme_crm", tmp_path_factory.mktemp("plugins"), template)


def test_it_passes_the_conformance_kit_at_once(made: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-x", str(made)]
    path = os.pathsep.join([str(made), *sys.path])
    done = subprocess.run(
        command, cwd=made, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_it_is_a_distribution_with_an_entry_point(made: Path) -> None:
    assert made.name == "customer-success-sync-acme-crm"
    project = tomllib.loads((made / "pyproject.toml").read_text())["project"]
    assert project["name"] == "customer-success-sync-acme-crm"
    assert project["entry-points"]["cs_sync"] == {"acme_crm": "cs_sync_acme_crm"}
    assert (made / "cs_sync_acme_crm" / "__init__.py").exists()


def test_nothing_of_the_template_is_left(made: Path, template: Template) -> None:
    files = [path for path in made.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert len(files) == len([p for p in _template_files(template) if p.suffix != ".pyc"])
    for path in files:
        text = f"{path.relative_to(made)} {path.read_text()}"
        for trace in (template.name, "helpdesk", "does not exist", "to copy"):
            assert trace not in text.lower(), path


def _template_files(template: Template) -> list[Path]:
    actual = [p for p in find_template(template).rglob("*") if p.is_file()]
    return [p for p in actual if not any(part.startswith((".", "__")) for part in p.parts[-3:-1])]


def test_every_module_can_be_read_by_python(made: Path) -> None:
    for path in made.rglob("*.py"):
        compile(path.read_text(), str(path), "exec")


@pytest.mark.parametrize("name", ["Acme", "acme-crm", "1crm", "a", "class", "../evil", ""])
def test_a_name_that_cannot_be_one_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be a connector's name"):
        create_connector(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(tmp_path: Path) -> None:
    create_connector("acme", tmp_path)
    with pytest.raises(ConfigError, match="exists already"):
        create_connector("acme", tmp_path)


def test_the_command_prints_where_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "connector", "acme", "--into", str(tmp_path)]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "customer-success-sync-acme")
    assert main(["new", "connector", "acme_rest", "--rest", "--into", str(tmp_path)]) == 0
    described = Path(capsys.readouterr().out.strip()) / "cs_sync_acme_rest" / "connector.toml"
    assert tomllib.loads(described.read_text())["name"] == "acme_rest"
    assert main(["new", "connector", "stripe", "--into", str(tmp_path)]) == 2
    assert "a connector stripe is installed already" in capsys.readouterr().err
