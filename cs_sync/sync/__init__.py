"""Reading sources into the store: windows, resume, deletes, run states."""
