"""Sync of sources into the store: windows, resumption, deletes, run status."""
