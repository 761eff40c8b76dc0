"""Views for BI: few, documented and stable, over tables that may change."""
