"""What plugins and the host promise each other: one screen per side."""
