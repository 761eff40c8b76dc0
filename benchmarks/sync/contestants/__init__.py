"""Five ways to bring the same objects into a database; each runs in a process of its own."""
