"""What code in a job may call; knows no server."""
