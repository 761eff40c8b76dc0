"""MRR against the invoices: what ties, what does not, and why."""
