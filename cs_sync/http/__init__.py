"""The one door to the vendors: budget, retries, typed errors, redaction."""
