"""The whole job at any size: first run, nothing changed, one percent changed."""
