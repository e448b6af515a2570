"""The wire: what is signed, what travels, and what a server answers."""
