"""The metrics that come with cs-sync, one module per subject."""
