"""Mapping of Stripe's objects to records: pure functions, one module per object type."""
