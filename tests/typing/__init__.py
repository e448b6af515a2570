"""Code that mypy checks and nobody runs."""
