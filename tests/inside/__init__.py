"""What code in a job may call."""
