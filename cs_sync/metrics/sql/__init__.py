"""Building blocks of the statements of metrics."""
