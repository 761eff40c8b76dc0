"""Stripe and HubSpot on loopback, from bytes that were made beforehand."""
