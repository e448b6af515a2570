"""How nbqueue is used, one concept a test: read from top to bottom."""
