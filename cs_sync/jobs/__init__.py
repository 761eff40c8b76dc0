"""Jobs: one module per command's work on a workspace."""
