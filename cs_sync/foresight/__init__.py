"""Foresight: who will leave, why, and how much money it is; pure."""
