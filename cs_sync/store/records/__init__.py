"""Writing pages of source records, and what could not be written."""
