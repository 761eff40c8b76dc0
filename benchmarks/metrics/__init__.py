"""How the cost of the numbers grows with the accounts, and with what changed."""
