"""What customers write about, grouped by topic."""
