"""Submit and follow, from a notebook or a script."""
