"""What workers share: workspaces, workers and budgets, in a schema of their own."""
