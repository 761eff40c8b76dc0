"""What the commands do: each file one piece of work on a workspace."""
