"""Alembic migrations of the unified schema."""

from pathlib import Path

LOCATION = Path(__file__).parent
"""Alembic's script location."""

HEAD = "0001"
"""The newest revision; a database that names another one is older, or newer than this code."""
