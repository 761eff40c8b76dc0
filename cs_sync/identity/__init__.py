"""Which records of the sources are one account: pure."""
