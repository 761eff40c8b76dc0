"""Tables as CSV, JSON Lines and Parquet."""
