"""The help page starts quickly: it loads neither the database library nor a vendor's SDK."""

import subprocess
import sys

CODE = """
import sys
from cs_sync.cli import main
code = main(["--help"])
heavy = {"sqlalchemy", "sqlmodel", "alembic", "stripe", "hubspot", "httpx", "cs_sync_schemas"}
print(code, sorted(heavy & set(sys.modules)))
"""


def test_help_loads_nothing_heavy() -> None:
    ended = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert "Usage: cs-sync" in ended.stdout
    assert ended.stdout.splitlines()[-1] == "0 []"
