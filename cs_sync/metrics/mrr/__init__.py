"""The MRR of one account over time: exact, from its billing facts alone."""
