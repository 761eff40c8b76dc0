"""The numbers of customer success: pure, one definition per metric."""
