"""What make demo runs: real solver and evaluation jobs."""
