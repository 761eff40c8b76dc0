"""The sandbox's door to cs-sync."""
