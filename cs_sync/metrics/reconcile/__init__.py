"""Reconciliation of MRR with invoices: matches, differences and their causes."""
