"""What is known of an account that its health score can use."""
