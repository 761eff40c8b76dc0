"""Customer-success metrics: pure, with one definition each."""
