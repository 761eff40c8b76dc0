"""How fast a sync is: cs-sync beside the floor, dlt and the script one would write by hand."""
