"""Stripe's objects as records: pure functions, one module per kind of object."""
