"""One file per group of commands; each adds its commands to the application."""
