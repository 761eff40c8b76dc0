"""The database: the only room that opens it."""
