"""What the charts draw, as plain frames."""
