"""Stripe on loopback: Acme's customers, subscriptions and invoices under `/stripe/v1`."""

from cs_sync_sandbox.stripe.service import list_routes

__all__ = ["list_routes"]
