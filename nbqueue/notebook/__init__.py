"""The faces in a notebook and a terminal."""
