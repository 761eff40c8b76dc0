"""One account's monthly recurring revenue through time: exact, from its billing facts alone."""
