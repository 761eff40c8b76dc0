"""Maps of the files that known systems export."""
