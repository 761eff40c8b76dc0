"""New plugins made from the connector templates."""

from cs_sync.scaffold.connector import PYTHON, REST, create_connector

__all__ = ["PYTHON", "REST", "create_connector"]
