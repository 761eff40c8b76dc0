"""Alembic migrations of the unified schema."""

from pathlib import Path

LOCATION = Path(__file__).parent
"""Alembic's script location."""

HEAD = max(path.name.partition("_")[0] for path in (LOCATION / "versions").glob("[0-9]*.py"))
"""The newest revision; a database that names another one is older, or newer than this code."""
