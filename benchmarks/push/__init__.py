"""Pushes to a loopback receiver and a loopback HubSpot, a tenth of a second per answer."""
