"""A new connector: the template with its names replaced, complete and with a passing test."""

import keyword
import re
from collections.abc import Iterator
from pathlib import Path

from cs_sync.contracts.errors import ConfigError
from cs_sync.plugins.distributions import DISTRIBUTION

_NAME = re.compile(r"[a-z][a-z0-9_]{1,30}")
_MODEL = "pebble"
_HERE = Path(__file__).parent

_README = """# customer-success-sync-{name}

Reads {title} into cs-sync.

| File | What to do |
| --- | --- |
| `cs_sync_{name}/source.py` | state the facts of its API; turn its objects into rows |
| `cs_sync_{name}/in_memory.py` | answer as {title} does, and change data as its users do |
| `tests/test_conformance.py` | nothing: it runs every case of the conformance kit |

```sh
pip install -e '.[dev]'
pytest
cs-sync connectors
```

What the contract asks of a connector is on one screen in `docs/connectors.md` of cs-sync. State
here which permissions its credential needs, and no more than it needs.
"""


def new_connector(name: str, into: Path) -> Path:
    """Write the distribution of a connector into a folder; its path. Raises ConfigError."""
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ConfigError(
            f"{name!r} cannot be a connector's name",
            "use small letters, digits and _, as in acme_crm",
        )
    folder = into / f"{DISTRIBUTION}-{name.replace('_', '-')}"
    if folder.exists():
        raise ConfigError(f"{folder} exists already", "take another name or folder")
    for path, text in _files(name):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return folder


def template_folder() -> Path:
    """Where the template is: inside an installed package, beside the sources in a checkout."""
    shipped = _HERE / "template"
    return shipped if shipped.is_dir() else _HERE.parents[1] / "examples" / "connector-template"


def _files(name: str) -> Iterator[tuple[Path, str]]:
    """Each file of the new distribution, with its path in it."""
    template = template_folder()
    for path in sorted(template.rglob("*")):
        inside = path.relative_to(template)
        if path.is_dir() or any(part.startswith((".", "__pycache__")) for part in inside.parts):
            continue
        text = path.read_text(encoding="utf-8")
        if inside.name == "README.md":
            text = _README.format(name=name, title=_title(name))
        yield Path(*(part.replace(_MODEL, name) for part in inside.parts)), _renamed(text, name)


def _renamed(text: str, name: str) -> str:
    text = text.replace(", a helpdesk that does not exist", "")
    text = text.replace("A connector to copy: reads", "Reads")
    text = text.replace(f"{DISTRIBUTION}-{_MODEL}", f"{DISTRIBUTION}-{name.replace('_', '-')}")
    text = text.replace(f"api.{_MODEL}.example", f"api.{name.replace('_', '-')}.example")
    return text.replace(_MODEL.title(), _title(name)).replace(_MODEL, name)


def _title(name: str) -> str:
    """The name as classes and sentences have it."""
    return "".join(part.capitalize() for part in name.split("_"))
