"""Proofs of foresight on simulated books: `python -m benchmarks.foresight F7 F11`."""
