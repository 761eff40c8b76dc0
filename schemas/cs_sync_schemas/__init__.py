"""cs-sync."""
