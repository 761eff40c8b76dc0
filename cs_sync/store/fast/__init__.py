"""Prepared statements, bulk copy, kept figures and temporary snapshots."""
