"""The HTTP client for vendors: rate limits, retries, typed errors, redaction."""

from typing import TYPE_CHECKING

from cs_sync_schemas.names import make_name_loader

if TYPE_CHECKING:
    from cs_sync.http.client import VendorHttp
    from cs_sync.http.clock import ManualClock
    from cs_sync.http.redaction import collect_secrets, digest_credential
    from cs_sync.http.stats import RequestStats

__all__ = ["ManualClock", "RequestStats", "VendorHttp", "collect_secrets", "digest_credential"]

if not TYPE_CHECKING:
    __getattr__ = make_name_loader(__name__, {
        "cs_sync.http.client": "VendorHttp",
        "cs_sync.http.clock": "ManualClock",
        "cs_sync.http.redaction": "collect_secrets digest_credential",
        "cs_sync.http.stats": "RequestStats",
    })  # fmt: skip
