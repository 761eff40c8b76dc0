"""What the vendors' SDKs take to decode what cs-sync decodes by itself."""
