"""Erasing a person, and keeping them out."""
