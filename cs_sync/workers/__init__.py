"""Workers: any number of workspaces on any number of machines, over one PostgreSQL."""
