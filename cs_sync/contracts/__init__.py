"""Contracts between plugins and the host: one screen per side."""
