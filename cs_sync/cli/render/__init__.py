"""Rows and results as tables and lines of a terminal."""
