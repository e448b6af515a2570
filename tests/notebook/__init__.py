"""Tests of the faces in a notebook and a terminal."""
