"""The one collection of tables: those of `tables.py`, which the models share."""

from sqlalchemy import MetaData

METADATA = MetaData()
