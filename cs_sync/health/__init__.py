"""How well an account does, and why we think so: pure."""
