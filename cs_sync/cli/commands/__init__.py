"""One file per kind of work; each adds its commands to the application."""
