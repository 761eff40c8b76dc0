"""Reading and keeping what is derived, one file per subject."""
