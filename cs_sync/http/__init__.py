"""The one door to the vendors: budget, retries, typed errors, redaction."""

from cs_sync.http.clock import ManualClock
from cs_sync.http.meter import Count
from cs_sync.http.redact import secrets_of
from cs_sync.http.vendor import VendorHttp

__all__ = ["Count", "ManualClock", "VendorHttp", "secrets_of"]
