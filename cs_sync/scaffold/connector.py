"""New connectors: the template with replaced names, complete and with a passing test."""

import keyword
import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from cs_sync.contracts.errors import ConfigError
from cs_sync.plugins.distributions import DISTRIBUTION

_NAME = re.compile(r"[a-z][a-z0-9_]{1,30}")
_HERE = Path(__file__).parent


class Template(Struct, frozen=True):
    """A complete connector to copy: the vendor's name in it, and where it stands."""

    name: str
    shipped: str
    checkout: str
    connector_file: str
    connector_task: str


PYTHON = Template(
    "pebble",
    "template",
    "connector-template",
    "source.py",
    "state the facts of its API; turn its objects into rows",
)
REST = Template(
    "marble",
    "rest_template",
    "rest-template",
    "connector.toml",
    "describe its API: authentication, lists, pages, and where each field is",
)

_README = """# customer-success-sync-{name}

Reads {title} into cs-sync.

| File | What to do |
| --- | --- |
| `cs_sync_{name}/{file}` | {task} |
| `cs_sync_{name}/in_memory.py` | answer as {title} does, and change data as its users do |
| `tests/test_conformance.py` | nothing: it runs every case of the conformance kit |

```sh
pip install -e '.[dev]'
pytest
cs-sync connectors
cs-sync init --connector {name}  # then: cs-sync try {name} STREAM
```

What the contract asks of a connector is on one screen in `docs/connectors.md` of cs-sync, and what
a description may say in `docs/rest.md`. State here which permissions its credential needs, and no
more than it needs.
"""


def create_connector(name: str, into: Path, template: Template = PYTHON) -> Path:
    """Write a connector's distribution into a folder; return its path.

    Raises:
        ConfigError: The name is invalid, or the path exists.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ConfigError(
            f"{name!r} cannot be a connector's name",
            "use small letters, digits and _, as in acme_crm",
        )
    folder = into / f"{DISTRIBUTION}-{name.replace('_', '-')}"
    if folder.exists():
        raise ConfigError(f"{folder} exists already", "take another name or folder")
    for path, text in _render_files(name, template):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return folder


def find_template(template: Template = PYTHON) -> Path:
    """Return a template's folder: in the installed package, else in the checkout."""
    shipped = _HERE / template.shipped
    return shipped if shipped.is_dir() else _HERE.parents[1] / "examples" / template.checkout


def _render_files(name: str, template: Template) -> Iterator[tuple[Path, str]]:
    """Yield each file of the new distribution: path and text."""
    folder = find_template(template)
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_dir() or any(part.startswith((".", "__pycache__")) for part in inside.parts):
            continue
        text = path.read_text(encoding="utf-8")
        if inside.name == "README.md":
            file, task = template.connector_file, template.connector_task
            text = _README.format(name=name, title=_title_case(name), file=file, task=task)
        yield (
            Path(*(part.replace(template.name, name) for part in inside.parts)),
            _replace_names(text, name, template.name),
        )


def _replace_names(text: str, name: str, old: str) -> str:
    text = text.replace(", a helpdesk that does not exist", "")
    text = re.sub(r"A (connector|description) to copy: reads", "Reads", text)
    dashed = name.replace("_", "-")
    text = text.replace(f"{DISTRIBUTION}-{old}", f"{DISTRIBUTION}-{dashed}")
    text = text.replace(f"api.{old}.example", f"api.{dashed}.example")
    return text.replace(old.title(), _title_case(name)).replace(old, name)


def _title_case(name: str) -> str:
    """Return the name as used in class names and sentences."""
    return "".join(part.capitalize() for part in name.split("_"))
