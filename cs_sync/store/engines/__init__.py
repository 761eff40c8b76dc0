"""Engines that read an export, such as DuckDB, behind SQLAlchemy's own connections."""
