"""The HTTP client for vendors: rate limits, retries, typed errors, redaction."""

from cs_sync.http.client import VendorHttp
from cs_sync.http.clock import ManualClock
from cs_sync.http.redaction import collect_secrets, digest_credential
from cs_sync.http.stats import RequestStats

__all__ = ["ManualClock", "RequestStats", "VendorHttp", "collect_secrets", "digest_credential"]
