"""What is wrong, who knows it already, and what to send; pure."""
