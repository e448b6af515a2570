"""Engines and their supervisor, with real processes and real kills."""
