"""New plugins made from the connector template."""

from cs_sync.scaffold.connector import create_connector

__all__ = ["create_connector"]
