"""Signals of all accounts on many days, as columns: needs numpy, which comes with an extra."""
