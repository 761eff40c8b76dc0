"""New plugins from the connector that is there to be copied."""

from cs_sync.scaffold.connector import new_connector

__all__ = ["new_connector"]
