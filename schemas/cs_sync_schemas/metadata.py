"""The one collection of tables: those of `tables.py`, which the models share."""

from threading import RLock

from sqlalchemy import MetaData

METADATA = MetaData()
"""The tables that were asked for so far; `tables.METADATA` has them all."""

DEFINING = RLock()
"""Held while a table is defined: SQLAlchemy shows others one that has no columns yet."""
