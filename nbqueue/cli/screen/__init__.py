"""`nbqueue top`: the server live in a terminal."""
