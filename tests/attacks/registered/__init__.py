"""Modules that the workers of these tests have on their path."""
