"""Write the next revision: `python -m cs_sync_schemas.migrations.new add_a_column`."""

import re
import sys
from hashlib import sha256
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.script import Script
from sqlalchemy import create_engine

from cs_sync_schemas.migrations import LOCATION

DIGEST_MARK = "# Digest: "
"""How the last line of a revision begins: one that has landed is never edited."""


def write_revision(name: str, location: Path = LOCATION) -> Path | None:
    """Write the revision that leads from the migrations to the tables.

    Args:
        name: What changes, in letters, digits and underscores.
        location: The folder of the migrations.

    Returns:
        The new file; None if migrations and tables already agree.

    Raises:
        ValueError: The name cannot stand in a file name.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"{name!r} is not a name of a revision: use a-z, 0-9 and _")
    newest = max(path.name.partition("_")[0] for path in (location / "versions").glob("[0-9]*.py"))
    config = Config()
    config.set_main_option("script_location", str(location))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    with create_engine("sqlite://").begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        script = command.revision(
            config,
            message=name,
            autogenerate=True,
            rev_id=f"{int(newest) + 1:04}",
            process_revision_directives=_drop_empty,
        )
    if not isinstance(script, Script):
        return None
    path = Path(script.path)
    text = path.read_text("utf-8")
    path.write_text(f"{text}{DIGEST_MARK}{make_digest(text)}\n", "utf-8")
    return path


def make_digest(text: str) -> str:
    """Return the digest of a revision's text, its last line."""
    return sha256(text.encode()).hexdigest()[:16]


def _drop_empty(
    _context: MigrationContext, _revision: object, directives: list[MigrationScript]
) -> None:
    """Write no revision without a change."""
    changes = directives[0].upgrade_ops
    if changes is None or changes.is_empty():
        directives.clear()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("give a name: make migration NAME=what_changes")
    try:
        written = write_revision(sys.argv[1])
    except ValueError as error:
        sys.exit(str(error))
    print(written or "tables and migrations agree: there is nothing to write")
