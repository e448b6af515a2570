"""The web server: its API, and what it refuses."""
